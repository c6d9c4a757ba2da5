package cli

import (
	"fmt"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/ident"
	"planb/worker"
	"planb/worker/operate"
	"planb/workflows"
)

func (a *app) snapshotCommand() *ucli.Command {
	return &ucli.Command{
		Name: "snapshot", Usage: "hold, release or remove one snapshot", Subcommands: []*ucli.Command{
			{
				Name: "hold", Usage: "keep a snapshot from being removed, by anyone", ArgsUsage: "HOST@SNAP", Action: a.snapshotHold,
				Description: "A real zfs hold. With --until it is let go with the first good backup after that day.",
				Flags: []ucli.Flag{
					&ucli.StringFlag{Name: "reason", Usage: "why, for whoever wonders later"},
					&ucli.StringFlag{Name: "until", Usage: "the last `DAY` of the hold, as in 2027-06-30, in the host's time zone"},
				},
			},
			{
				Name: "release", Usage: "take a hold back", ArgsUsage: "HOST@SNAP", Action: a.snapshotRelease,
				Description: "The hold of a guard on the last good snapshot ends with planb host accept or reject.",
			},
			{
				Name: "rm", Usage: "remove a snapshot for good", ArgsUsage: "HOST@SNAP", Action: a.snapshotRemove,
				Description: "Refused for one that is held, for the newest good one, and for those of other programs.",
				Flags:       []ucli.Flag{yesFlag()},
			},
		},
	}
}

func (a *app) snapshotHold(c *ucli.Context) error {
	target, err := oneSnapshot(c)
	if err != nil {
		return err
	}
	reason := oneLine(c.String("reason"))
	if reason == "" {
		return usagef("say why it is held: --reason \"…\"")
	}
	if len(reason) > operate.MaxHoldReason {
		return usagef("the reason is too long: at most %d bytes", operate.MaxHoldReason)
	}
	in := workflows.ChangeSnapshotInput{Change: activities.ChangeHold, Reason: reason}
	said := "Held " + target.String() + "."
	if day := c.String("until"); day != "" {
		until, err := a.lastMoment(c, target.Host, day)
		if err != nil {
			return err
		}
		in.Until, said = &until, "Held "+target.String()+" until the end of "+day+"."
	}
	return a.changeSnapshot(c, target, in, said)
}

// lastMoment is the end of a day in the host's time zone, which has to be yet
// to come.
func (a *app) lastMoment(c *ucli.Context, host ident.Host, day string) (time.Time, error) {
	ctx, store, err := a.reads(c)
	if err != nil {
		return time.Time{}, err
	}
	zone, err := zoneOf(ctx, store, host)
	if err != nil {
		return time.Time{}, err
	}
	at, err := operate.HoldEnd(day, zone, time.Now())
	if err != nil {
		return time.Time{}, usagef("--until: %w", err)
	}
	return at, nil
}

func (a *app) snapshotRelease(c *ucli.Context) error {
	target, err := oneSnapshot(c)
	if err != nil {
		return err
	}
	return a.changeSnapshot(c, target, workflows.ChangeSnapshotInput{Change: activities.ChangeRelease}, "Released "+target.String()+".")
}

func (a *app) snapshotRemove(c *ucli.Context) error {
	target, err := oneSnapshot(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	if _, err := store.Host(ctx, target.Host); err != nil {
		return err
	}
	if err := a.ask(c, "Remove "+target.String()+" for good?"); err != nil {
		return err
	}
	return a.changeSnapshot(c, target, workflows.ChangeSnapshotInput{Change: activities.ChangeRemove}, "Removed "+target.String()+".")
}

// changeSnapshot has it done, and says so.
func (a *app) changeSnapshot(c *ucli.Context, target ident.HostSnap, in workflows.ChangeSnapshotInput, said string) error {
	if server, err := a.remote(c); server != nil || err != nil {
		if err == nil {
			err = remoteSnapshot(c, server, target, in, c.String("until"))
		}
		if err == nil {
			fmt.Fprintln(a.stdout, said)
		}
		return err
	}
	_, tc, err := a.knownHost(c, target.Host)
	if err != nil {
		return err
	}
	in.Host, in.Snapshot, in.Actor = target.Host, target.Snapshot, actor()
	run, err := worker.StartChangeSnapshot(c.Context, tc, in)
	if err := a.await(c, target.Host, run, err, nil); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, said)
	return nil
}

// oneSnapshot is the snapshot that the only argument names.
func oneSnapshot(c *ucli.Context) (ident.HostSnap, error) {
	if c.Args().Len() != 1 {
		return ident.HostSnap{}, usagef("name one snapshot: planb snapshot %s HOST@SNAP", c.Command.Name)
	}
	target, err := ident.ParseHostSnap(c.Args().First())
	if err != nil {
		return target, usageError(err)
	}
	if target.Snapshot == "" {
		return target, usagef("name the snapshot, too: %s@SNAP, see planb snapshots %s", target.Host, target.Host)
	}
	return target, nil
}
