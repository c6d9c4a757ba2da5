package cli

import (
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
)

func (a *app) snapshotsCommand() *ucli.Command {
	return &ucli.Command{
		Name: "snapshots", Usage: "list the snapshots of a host, the oldest first", ArgsUsage: "HOST",
		Description: "As the host's last run found them on the pool. A suspect one waits for planb host accept\n" +
			"or reject.",
		Flags: []ucli.Flag{jsonFlag()}, Action: a.snapshots,
	}
}

func (a *app) snapshots(c *ucli.Context) error {
	host, err := oneHost(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	snaps, err := store.Snapshots(ctx, host)
	if err != nil {
		return err
	}
	return list(a, c, snaps, "SNAPSHOT CREATED STATE TIERS USED REFERENCED HELD", func(s catalog.Snapshot) []string {
		held := ""
		if s.Held {
			held = strings.TrimSpace("held " + string(s.HoldReason))
		}
		if s.HoldUntil != nil {
			held += ", until " + when(s.HoldUntil)
		}
		return []string{
			s.Name, when(&s.Created), string(s.State), strings.Join(s.Tiers, ","),
			size(s.UsedBytes), size(s.ReferencedBytes), held,
		}
	})
}

// oneHost is the host that the only argument names.
func oneHost(c *ucli.Context) (ident.Host, error) {
	if c.Args().Len() != 1 {
		return ident.Host{}, usagef("name one host, as group/name")
	}
	h, err := ident.ParseHost(c.Args().First())
	if err != nil {
		return h, usageError(err)
	}
	return h, nil
}
