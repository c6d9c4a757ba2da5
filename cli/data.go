package cli

import (
	"context"
	"errors"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/dataplane"
)

// reader gives the data service of the storage server that owns h's dataset.
func (a *app) reader(ctx context.Context, c *ucli.Context, store *catalog.Store, h catalog.Host) (*dataplane.Client, error) {
	if h.Server == "" || !h.DatasetMade {
		return nil, notFoundf("%s has no dataset yet: back it up with planb backup %s --wait", h.Ident(), h.Ident())
	}
	st, err := store.Storages(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range st {
		if s.Server == h.Server && s.Dataset == h.Storage {
			return a.readerOf(c, s)
		}
	}
	return nil, notFoundf("storage %s of server %s is not known: start planb worker there", h.Storage, h.Server)
}

func (a *app) readerOf(c *ucli.Context, s catalog.Storage) (*dataplane.Client, error) {
	cfg, err := a.config(c)
	if err != nil {
		return nil, err
	}
	if s.DataURL == "" {
		return nil, fmt.Errorf("server %s has not said where its data service answers: start planb worker there", s.Server)
	}
	key, err := dataplane.NewKey([]byte(cfg.Data.Key))
	if err != nil {
		return nil, fmt.Errorf("reading from storage servers needs data.key or data.key_file: %w", err)
	}
	return dataplane.NewClient(dataplane.ClientOptions{BaseURL: s.DataURL, Key: key, Subject: actor(), Server: s.Server})
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
