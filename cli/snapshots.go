package cli

import (
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

func (a *app) snapshotsCommand() *ucli.Command {
	return &ucli.Command{
		Name: "snapshots", Usage: "list the snapshots of a host, the oldest first", ArgsUsage: "HOST",
		Description: "As the host's last run found them on the pool, with the reason for which the retention\n" +
			"keeps each. A suspect one waits for planb host accept or reject.",
		Flags: []ucli.Flag{jsonFlag()}, Action: a.snapshots,
	}
}

func (a *app) snapshots(c *ucli.Context) error {
	host, err := oneHost(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	snaps, err := store.Snapshots(ctx, host)
	if err != nil {
		return err
	}
	effective, err := store.Effective(ctx, host)
	if err != nil {
		return err
	}
	decided := map[string]policy.Decision{}
	for _, d := range catalog.Decisions(snaps, effective, time.Now()) {
		decided[d.Snapshot.Name] = d
	}
	rows := make([]listedSnapshot, len(snaps))
	for i, s := range snaps {
		rows[i] = listedSnapshot{s, decided[s.Name].Action(), decided[s.Name].Reasons}
	}
	return list(a, c, rows, "SNAPSHOT CREATED STATE USED REFERENCED HELD WHY", func(s listedSnapshot) []string {
		held := ""
		if s.Held {
			held = strings.TrimSpace("held " + string(s.HoldReason))
		}
		if s.HoldUntil != nil {
			held += ", until " + when(s.HoldUntil)
		}
		why := strings.Join(s.Reasons, ", ")
		if s.Action == policy.ActionRemove {
			why = "goes with the next prune: " + why
		}
		return []string{
			s.Name, when(&s.Created), string(s.State), size(s.UsedBytes), size(s.ReferencedBytes), held, why,
		}
	})
}

// listedSnapshot is a snapshot, and what the retention would do with it, and why.
type listedSnapshot struct {
	catalog.Snapshot
	// Action is keep or remove.
	Action  string   `json:"action"`
	Reasons []string `json:"reasons"`
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
