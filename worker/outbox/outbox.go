// Package outbox has the notices delivered that the catalog holds. They are
// written with the changes that they tell of, so whatever ends before a delivery
// was begun, none is lost.
package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"

	"planb/internal/catalog"
	"planb/worker"
)

const (
	// every is how often the outbox is looked into.
	every = 5 * time.Second
	// again is when a delivery that was begun and is not done is looked at once
	// more: it may be under way for days, or have been terminated.
	again = 15 * time.Minute
	// most is how many deliveries are begun at a time.
	most = 100
)

// Outbox begins deliveries.
type Outbox struct {
	Client  client.Client
	Catalog *catalog.Store
	Now     func() time.Time
	Log     *slog.Logger
}

// Run looks into the outbox every so often, until ctx ends.
func (o Outbox) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := o.Sweep(ctx); err != nil && ctx.Err() == nil {
			o.Log.Error("notices wait to be told", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep begins the deliveries that nobody sees to.
func (o Outbox) Sweep(ctx context.Context) error {
	keys, err := o.Catalog.NoticesLeft(ctx, o.Now().Add(-again), most)
	if err != nil {
		return err
	}
	for _, key := range keys {
		err := worker.StartNotice(ctx, o.Client, key)
		var running *worker.AlreadyRunningError
		if err != nil && !errors.As(err, &running) {
			return err // Temporal is away: all of them wait
		}
		if err := o.Catalog.TendNotice(ctx, key, o.Now()); err != nil {
			return err
		}
	}
	return nil
}
