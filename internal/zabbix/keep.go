package zabbix

import (
	"context"
	"log/slog"
	"time"

	"planb/internal/catalog"
)

// Catalog is what the document is made from.
type Catalog interface {
	Measures(ctx context.Context, v catalog.Visible, now time.Time) ([]catalog.HostMeasure, []catalog.Storage, error)
}

// keepEvery is how often the file is written.
const keepEvery = time.Minute

// Keep writes the file at path again and again until ctx ends; an empty path
// writes none. What cannot be written is logged: the file gets stale then, and
// Read says so.
func Keep(ctx context.Context, path string, from Catalog, log *slog.Logger) error {
	if path == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		hosts, _, err := from.Measures(ctx, catalog.Everything(), now)
		if err == nil {
			err = write(path, Of(hosts, now))
		}
		if err != nil && ctx.Err() == nil {
			log.Error("the file for Zabbix was not written", "file", path, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
