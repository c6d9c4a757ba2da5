package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/policy"
)

// askPool is how long the pool is asked for what became of a snapshot.
const askPool = 10 * time.Minute

// taken asks the pool whether a snapshot is there although taking it failed, or
// was cancelled: a try that told nothing any more may have done it. Without an
// answer it is taken not to be there, and what is recorded says so.
func (b *backup) taken(ctx workflow.Context, in activities.SnapshotInput) (there bool) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	err := workflow.ExecuteActivity(
		onServerSoon(ctx, b.plan.Server, "look whether "+b.plan.Dataset+"@"+in.Name+" was taken", askPool),
		activities.SnapshotTakenName, in).Get(ctx, &there)
	if b.unknown = err != nil; b.unknown {
		workflow.GetLogger(ctx).Warn("nobody knows whether the snapshot was taken", "snapshot", in.Name, "error", err)
	}
	return there
}

// doubt says of a run without a snapshot that there may be one.
func (b *backup) doubt() {
	if b.out.State == policy.StateCancelled {
		b.out.Message = "cancelled while the snapshot was being taken"
	}
	b.out.Message = joinSentences(b.out.Message, "the storage server could not be asked whether the snapshot is there")
	b.out.Remedy = joinSentences(b.out.Remedy, "look whether the worker on "+b.plan.Server+" runs; the next backup finds out")
}
