package cli

import (
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/ident"
	"planb/web/api"
	"planb/worker"
	"planb/workflows"
)

func (a *app) pruneCommand() *ucli.Command {
	return &ucli.Command{
		Name: "prune", Usage: "remove the snapshots that a host's retention no longer keeps", ArgsUsage: "HOST",
		Description: "Backups do this by themselves once they are good. Each snapshot is kept or removed for a\n" +
			"reason, which --dry-run shows; never removed are the newest good one, held, suspect and\n" +
			"foreign ones, and those that keep settings protect. A plan that removes more than half of\n" +
			"the snapshots asks first.\n\n" +
			"Exit status: 0 done, 1 failed, 3 no such host, 4 it asks and nobody answered.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "only show what would be removed, and why"},
			yesFlag(), jsonFlag(),
		},
		Action: a.prune,
	}
}

func (a *app) prune(c *ucli.Context) error {
	host, err := oneHost(c)
	if err != nil {
		return err
	}
	planned, err := a.pruneHost(c, workflows.PruneInput{Host: host, Dry: true})
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return a.printPlan(c, planned.Plan.Snapshots)
	}
	if planned.Plan.AsksFirst {
		question := fmt.Sprintf("Remove %d of the %d snapshots of %s?", planned.Plan.Removals(), len(planned.Plan.Snapshots), host)
		if err := a.ask(c, question); err != nil {
			return err
		}
	}
	done, err := a.pruneHost(c, workflows.PruneInput{Host: host, Agreed: planned.Plan.AsksFirst, Actor: actor()})
	if err != nil {
		return err
	}
	if done.Pruned.Withheld > 0 {
		return refusedf("the plan changed meanwhile, and would remove %d of %d snapshots of %s: look at it again", done.Pruned.Withheld, done.Pruned.Kept, host)
	}
	if c.Bool("json") {
		return a.printJSON(done.Plan.Snapshots)
	}
	a.tellPruned(host, done.Pruned)
	return nil
}

func (a *app) tellPruned(host ident.Host, p activities.PruneResult) {
	fmt.Fprintf(a.stdout, "Removed %s of %s, kept %d.\n", snapshotCount(len(p.Removed)), host, p.Kept)
	for _, told := range []struct {
		what  string
		names []string
	}{{"Removed", p.Removed}, {"The hold has ended of", p.Released}, {"Being read, and left for the next time:", p.Busy}} {
		if len(told.names) > 0 {
			fmt.Fprintf(a.stdout, "  %s %s\n", told.what, strings.Join(told.names, ", "))
		}
	}
}

func (a *app) pruneHost(c *ucli.Context, in workflows.PruneInput) (out workflows.PruneOutcome, err error) {
	server, err := a.remote(c)
	if err != nil {
		return out, err
	}
	if server != nil {
		return server.Prune(c.Context, in.Host, api.Prune{DryRun: in.Dry, Agreed: in.Agreed})
	}
	h, _, err := a.knownHost(c, in.Host)
	if err != nil {
		return out, err
	}
	if !h.DatasetMade {
		return workflows.PruneOutcome{Plan: activities.PrunePlan{Snapshots: []activities.PlannedSnapshot{}}}, nil
	}
	tc, err := a.temporal(c)
	if err != nil {
		return out, err
	}
	run, err := worker.StartPrune(c.Context, tc, in)
	return out, a.await(c, in.Host, run, err, &out)
}

func (a *app) printPlan(c *ucli.Context, plan []activities.PlannedSnapshot) error {
	return list(a, c, plan, "SNAPSHOT ACTION REASONS", func(s activities.PlannedSnapshot) []string {
		return []string{s.Snapshot, s.Action, strings.Join(s.Reasons, ", ")}
	})
}
