package cli

import (
	"context"
	"errors"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/readers"
	"planb/web/api/client"
)

// reader gives the way to the files of h: the data service of the storage
// server that owns its dataset, or the API.
func (a *app) reader(ctx context.Context, c *ucli.Context, from reads, h catalog.Host) (files, error) {
	store, local := from.(*catalog.Store)
	if !local {
		server, err := a.remote(c)
		return client.Files{Client: server, Host: h.Ident()}, err
	}
	r, err := a.readers(c, store)
	if err != nil {
		return nil, err
	}
	return r.Of(ctx, h, actor())
}

func (a *app) readers(c *ucli.Context, store *catalog.Store) (*readers.Readers, error) {
	cfg, err := a.config(c)
	if err != nil {
		return nil, err
	}
	return readers.New(store, cfg.Data.Key), nil
}

// dataError gives an error of the data service the exit status that fits it.
func dataError(err error) error {
	switch {
	case errors.Is(err, dataplane.ErrNotFound):
		return &statusError{exitNotFound, err}
	case errors.Is(err, dataplane.ErrDenied):
		return &statusError{exitRefused, err}
	case errors.Is(err, dataplane.ErrBadRequest), errors.Is(err, dataplane.ErrWrongType):
		return usageError(err)
	}
	return err
}
