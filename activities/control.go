package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"planb/internal/catalog"
	"planb/internal/notify"
)

// Control holds the activities that touch the catalog.
type Control struct {
	Catalog *catalog.Store
	// Schedules are changed with their hosts.
	Schedules Schedules
	// Grace is how long the data of a removed host is kept.
	Grace time.Duration
	// Billing says where usage is posted.
	Billing Billing
	// Reports says which are mailed, and how.
	Reports Reports
	// Watching says what is told of hosts and of what they stand on.
	Watching Watching
	// Channels tell notices, with links to the pages at WebURL.
	Channels *notify.Channels
	WebURL   string
	// Now is the clock.
	Now func() time.Time
	Log *slog.Logger
}

// refused makes what the catalog will never accept a permanent error; that the
// database is away is not, and is tried again.
func refused(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case catalog.IsNotFound(err), catalog.IsRefused(err), catalog.IsExists(err), catalog.IsInvalid(err):
		return permanent(ErrTypeRefused, err.Error(), "", err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// noHost is refused for the first look at a host.
func noHost(doing string, err error) error {
	if catalog.IsNotFound(err) {
		return permanent(ErrTypeNoHost, err.Error(), "", err)
	}
	return refused(doing, err)
}

// gone says that a host was removed in the meantime, which is no reason to
// fail what it was once asked for.
func gone(err error) bool {
	var missing *catalog.NotFoundError
	return errors.As(err, &missing)
}

func asActor(ctx context.Context) context.Context { return catalog.WithActor(ctx, "planb") }
