package operate

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/internal/catalog"
	"planb/worker"
	"planb/workflows"
)

// Decide carries out what a person decided about suspect snapshots. Errors:
// those of await.
func (o Operator) Decide(ctx context.Context, in workflows.DecideInput) (done activities.DecideResult, err error) {
	err = await(ctx, "the decision about "+in.Host.String(), func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartDecide(ctx, o.Temporal, in)
	}, &done)
	return done, err
}

// ChangeSnapshot holds, releases or removes one snapshot. Errors: those of await.
func (o Operator) ChangeSnapshot(ctx context.Context, in workflows.ChangeSnapshotInput) error {
	if in.Change == activities.ChangeHold {
		switch {
		case in.Reason == "":
			return &catalog.InvalidError{Reason: "say why it is held, for whoever wonders later"}
		case len(in.Reason) > MaxHoldReason:
			return &catalog.InvalidError{Reason: fmt.Sprintf("the reason is too long: at most %d bytes", MaxHoldReason)}
		}
	}
	return await(ctx, in.Change+" of "+in.Host.String()+"@"+in.Snapshot, func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartChangeSnapshot(ctx, o.Temporal, in)
	}, nil)
}

// MaxHoldReason keeps the reason of a hold within what ZFS takes as the value of
// a property, in bytes.
const MaxHoldReason = 500

// HoldEnd gives the last moment of a day, as in 2027-06-30, in the time zone of
// a host: it has to be yet to come. Errors: *catalog.InvalidError.
func HoldEnd(day string, zone *time.Location, now time.Time) (time.Time, error) {
	at, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return time.Time{}, &catalog.InvalidError{Reason: fmt.Sprintf("%q is not a day: write it as in 2027-06-30", day)}
	}
	at = at.AddDate(0, 0, 1)
	if at.Before(now) {
		return time.Time{}, &catalog.InvalidError{Reason: day + " is over: give a day to come"}
	}
	return at, nil
}

// Prune removes what a host's retention no longer keeps, or says what that is.
// Errors: those of await.
func (o Operator) Prune(ctx context.Context, in workflows.PruneInput) (out workflows.PruneOutcome, err error) {
	err = await(ctx, "the pruning of "+in.Host.String(), func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartPrune(ctx, o.Temporal, in)
	}, &out)
	return out, err
}

// Verify starts a verification, of the newest good snapshot where none is
// named, and gives its run's id. Errors: a NotFoundError of the catalog,
// *worker.AlreadyRunningError, *UnavailableError.
func (o Operator) Verify(ctx context.Context, in workflows.VerifyInput) (run string, err error) {
	if _, err := o.Catalog.Host(ctx, in.Host); err != nil {
		return "", err
	}
	detail := map[string]any{}
	if in.Snapshot != "" {
		detail["snapshot"] = in.Snapshot
	}
	return o.noted(ctx, "host.verify", in.Host.String(), detail, func() (string, error) {
		b, err := begin(ctx, func(ctx context.Context) (client.WorkflowRun, error) { return worker.StartVerify(ctx, o.Temporal, in) })
		return b.Run, err
	})
}
