package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/worker/operate"
)

func (a *app) storageListStale(c *ucli.Context) error {
	stale, silent, err := a.stale(c)
	if err != nil {
		return err
	}
	if err := list(a, c, stale, "SERVER DATASET HOST USED WHY SINCE GOES", func(d operate.StaleDataset) []string {
		goes := "kept"
		if d.Expires != nil {
			goes = when(d.Expires)
		}
		return []string{d.Server, d.Dataset, string(d.Host), size(d.UsedBytes), d.Why, when(d.Since), goes}
	}); err != nil || len(silent) == 0 {
		return err
	}
	return errors.New("what is above is not all: " + strings.Join(silent, "; "))
}

// stale gives the datasets that no host has, and says of each storage server
// that could not be asked why.
func (a *app) stale(c *ucli.Context) (list []operate.StaleDataset, silent []string, err error) {
	server, err := a.remote(c)
	if err != nil {
		return nil, nil, err
	}
	if server != nil {
		return server.Stale(c.Context)
	}
	ctx, o, err := a.operator(c)
	if err != nil {
		return nil, nil, err
	}
	list, err = o.Stale(ctx)
	servers, err := operate.SilentServers(err)
	for _, s := range servers {
		silent = append(silent, s.Error())
	}
	return list, silent, err
}

func (a *app) operator(c *ucli.Context) (context.Context, operate.Operator, error) {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return nil, operate.Operator{}, err
	}
	tc, err := a.temporal(c)
	return ctx, operate.Operator{Catalog: store, Temporal: tc}, err
}

func (a *app) storageKeep(c *ucli.Context) error {
	if c.Args().Len() != 1 {
		return usagef("name one dataset, as planb storage list --stale lists them")
	}
	name := c.Args().First()
	ctx, o, err := a.operator(c)
	if err != nil {
		return err
	}
	err = o.Keep(ctx, name)
	switch {
	case catalog.IsNotFound(err), catalog.IsRefused(err):
		return err
	case err != nil:
		return workflowError(err)
	}
	fmt.Fprintf(a.stdout, "%s is kept for good.\n", name)
	return nil
}
