package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/ident"
	"planb/worker/operate"
)

func (a *app) bcloneCommand() *ucli.Command {
	return &ucli.Command{
		Name: "bclone", Usage: "add a host with the settings of another, and back it up", ArgsUsage: "HOST NEW-NAME ADDRESS",
		Description: "HOST is group/name, a name that one group only has, or an id as planb slist tells it. The new\n" +
			"host is of the same group unless NEW-NAME is group/name. planb host clone does the same without\n" +
			"the backup, and can change settings.",
		Action: a.bclone,
	}
}

func (a *app) bclone(c *ucli.Context) error {
	if c.Args().Len() != 3 {
		return usagef("name the host, the new name and its address: planb bclone HOST NEW-NAME ADDRESS")
	}
	address, err := ident.ParseAddress(c.Args().Get(2))
	if err != nil {
		return usageError(err)
	}
	ctx, o, err := a.operator(c)
	if err != nil {
		return err
	}
	from, err := oldHost(ctx, o.Catalog, c.Args().First())
	if err != nil {
		return err
	}
	to := ident.Host{Group: from.Group, Name: c.Args().Get(1)}
	if host, err := ident.ParseHost(to.Name); err == nil {
		to = host
	}
	if err := to.Check(); err != nil {
		return usageError(err)
	}
	n, err := o.LikeHost(ctx, from.Ident())
	if err != nil {
		return err
	}
	n.Host, n.Address, n.Module, n.AddGroup = to, address.Host, address.Module, true
	if err := o.AddHost(ctx, n); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Cloned %s to %s\n", from.Ident(), to)
	run, err := o.BackUp(ctx, to, operate.How{})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Enqueued %s job as %s\n", to, run)
	return nil
}
