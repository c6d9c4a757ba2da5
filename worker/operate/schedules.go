package operate

import (
	"context"
	"time"

	"planb/worker/schedules"
)

// comparePatience bounds comparing all schedules: each is one question, so
// that 5,000 hosts take their time.
const comparePatience = 50 * time.Second

// Differences gives what Sync would change.
func (o Operator) Differences(ctx context.Context) ([]schedules.Change, error) {
	return o.agreeAll(ctx, true)
}

// Sync makes the schedules of all hosts agree with the catalog, and says what
// it changed.
func (o Operator) Sync(ctx context.Context) ([]schedules.Change, error) {
	return o.agreeAll(ctx, false)
}

func (o Operator) agreeAll(ctx context.Context, dry bool) ([]schedules.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, comparePatience)
	defer cancel()
	keeper := schedules.Keeper{Catalog: o.Catalog, Syncer: schedules.Syncer{Client: o.Temporal.ScheduleClient()}}
	changes, err := keeper.AgreeAll(ctx, dry)
	return changes, unavailable("", err)
}
