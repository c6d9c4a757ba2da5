package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/api"
	"planb/web/api/client"
	"planb/worker"
	"planb/workflows"
)

// decideCommands are planb host accept and planb host reject.
func (a *app) decideCommands() []*ucli.Command {
	return []*ucli.Command{
		{
			Name: activities.VerdictAccept, Usage: "say that what a guard found suspect is as it should be", ArgsUsage: "HOST[@SNAP]",
			Description: "The suspect snapshots of the host, or just SNAP, count as good from now on: the next\n" +
				"backup is compared with the newest of them. Once none is suspect any more, the one that\n" +
				"was the last good is held no longer, and pruning goes on.",
			Action: func(c *ucli.Context) error { return a.decide(c, activities.VerdictAccept, "Accepted") },
		},
		{
			Name: activities.VerdictReject, Usage: "say that what a guard found suspect is no good", ArgsUsage: "HOST[@SNAP]",
			Description: "The suspect snapshots of the host, or just SNAP, never count as good. They stay for you\n" +
				"to look at until a good backup was made, and go with the pruning after it; planb snapshot\n" +
				"hold keeps one for longer. The last good snapshot stays the last good one, and later\n" +
				"backups are compared with it: as long as the host is not as it was then, they are suspect too.",
			Action: func(c *ucli.Context) error { return a.decide(c, activities.VerdictReject, "Rejected") },
		},
	}
}

func (a *app) decide(c *ucli.Context, verdict, done string) error {
	if c.Args().Len() != 1 {
		return usagef("name one host, or one snapshot of it: planb host %s HOST[@SNAP]", verdict)
	}
	target, err := ident.ParseHostSnap(c.Args().First())
	if err != nil {
		return usageError(err)
	}
	var out activities.DecideResult
	named, err := a.through(c, func(s *client.Client) error {
		begun, err := s.Decide(c.Context, target.Host, verdict, api.Decision{Snapshot: target.Snapshot})
		if err != nil {
			return err
		}
		return a.remoteAwait(c, s, target.Host, begun, &out)
	})
	if !named {
		err = a.decideHere(c, target, verdict, &out)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s %s of %s: %s.\n", done, snapshotCount(len(out.Snapshots)), target.Host, strings.Join(out.Snapshots, ", "))
	if out.Waiting > 0 {
		fmt.Fprintf(a.stdout, "Still suspect: %s, so nothing is pruned yet.\n", snapshotCount(out.Waiting))
	}
	return nil
}

// decideHere has it decided where the database is.
func (a *app) decideHere(c *ucli.Context, target ident.HostSnap, verdict string, out *activities.DecideResult) error {
	_, tc, err := a.knownHost(c, target.Host)
	if err != nil {
		return err
	}
	run, err := worker.StartDecide(c.Context, tc, workflows.DecideInput{
		Host: target.Host, Verdict: verdict, Snapshot: target.Snapshot, Actor: actor(),
	})
	return a.await(c, target.Host, run, err, out)
}

// suspect says whether a guard found the run's snapshot suspect.
func suspect(r catalog.Run) bool {
	var out activities.Outcome
	return json.Unmarshal(r.Detail, &out) == nil && len(out.Guards) > 0
}

func snapshotCount(n int) string {
	if n == 1 {
		return "1 snapshot"
	}
	return fmt.Sprintf("%d snapshots", n)
}
