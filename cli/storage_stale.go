package cli

import (
	"context"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/worker/operate"
)

func (a *app) storageListStale(c *ucli.Context) error {
	ctx, o, err := a.operator(c)
	if err != nil {
		return err
	}
	stale, err := o.Stale(ctx)
	if err != nil {
		return err
	}
	return list(a, c, stale, "SERVER DATASET HOST USED WHY SINCE GOES", func(d operate.StaleDataset) []string {
		goes := "kept"
		if d.Expires != nil {
			goes = when(d.Expires)
		}
		return []string{d.Server, d.Dataset, string(d.Host), size(d.UsedBytes), d.Why, when(d.Since), goes}
	})
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
