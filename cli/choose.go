package cli

import (
	"context"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// chooseSnapshot gives the name of the snapshot that a person means: the
// newest good one without a name, the last one up to the end of a day for a
// date, else the one of that name.
func chooseSnapshot(ctx context.Context, store reads, target ident.HostSnap) (string, error) {
	snaps, err := store.Snapshots(ctx, target.Host)
	if err != nil {
		return "", err
	}
	until := time.Time{}
	if target.Snapshot != "" {
		for _, s := range snaps {
			if s.Name == target.Snapshot {
				return s.Name, nil
			}
		}
		zone, err := zoneOf(ctx, store, target.Host)
		if err != nil {
			return "", err
		}
		day, err := time.ParseInLocation(time.DateOnly, target.Snapshot, zone)
		if err != nil {
			return "", notFoundf("%s has no snapshot %s: see planb snapshots %s", target.Host, target.Snapshot, target.Host)
		}
		until = day.AddDate(0, 0, 1)
	}
	if s, ok := catalog.LastGood(snaps, until); ok {
		return s.Name, nil
	}
	if target.Snapshot != "" {
		return "", notFoundf("%s has no good snapshot up to %s: see planb snapshots %s", target.Host, target.Snapshot, target.Host)
	}
	return "", notFoundf("%s has no good snapshot yet: back it up with planb backup %s --wait", target.Host, target.Host)
}

func zoneOf(ctx context.Context, store reads, host ident.Host) (*time.Location, error) {
	e, err := store.Effective(ctx, host)
	if err != nil {
		return nil, err
	}
	return e.Location()
}
