package activities

import (
	"context"
	"slices"
	"time"

	"planb/internal/billing"
	"planb/internal/catalog"
	"planb/internal/watch"
)

// Watching says what is told of hosts and of what they stand on.
type Watching struct {
	Limits watch.Limits
	Long   catalog.LongRuns
	// Nag is how often what lasts of storages and workers is told again; never
	// when 0. For hosts their policies say so.
	Nag time.Duration
	// Keep is how long notices of what is over are kept, KeepGood those of good
	// snapshots.
	Keep, KeepGood time.Duration
}

// DefaultWatching is what is told unless somebody sets it.
func DefaultWatching(freeWarn, freeStop int) Watching {
	const day = 24 * time.Hour
	return Watching{
		Limits: watch.DefaultLimits(freeWarn, freeStop), Long: catalog.LongRuns{Factor: 3, Least: time.Hour},
		Nag: day, Keep: 400 * day, KeepGood: 30 * day,
	}
}

// WatchHosts tells what time alone changes of hosts and of billing, repeats what
// lasts, and forgets notices that nobody asks for any more. Done again it tells nothing
// twice.
func (c *Control) WatchHosts(ctx context.Context) (catalog.Watched, error) {
	now := c.Now()
	w, err := c.Catalog.WatchHosts(asActor(ctx), c.Watching.Long, now)
	if err != nil {
		return w, refused("looking at the hosts", err)
	}
	if err := c.watchBilling(ctx, now); err != nil {
		return w, err
	}
	return w, refused("forgetting old notices", c.Catalog.ForgetNotices(asActor(ctx), now.Add(-c.Watching.Keep), now.Add(-c.Watching.KeepGood)))
}

// watchBilling tells of days that are over and were not billed.
func (c *Control) watchBilling(ctx context.Context, now time.Time) error {
	days, err := c.DueBilling(ctx)
	if err != nil {
		return err
	}
	today := string(billing.DayOf(now, c.Billing.Zone))
	days = slices.DeleteFunc(days, func(day string) bool { return day >= today })
	looked := func(about, _ string) bool { return about == catalog.AboutBilling }
	_, err = c.Catalog.SettleFleet(asActor(ctx), watch.Billing(days, now), looked, c.Watching.Nag, now)
	return refused("recording what is not billed", err)
}

// WatchedServers gives the storage servers to be looked at.
func (c *Control) WatchedServers(ctx context.Context) (servers []string, err error) {
	storages, err := c.Catalog.Storages(ctx)
	for _, s := range storages { // by server
		if len(servers) == 0 || servers[len(servers)-1] != s.Server {
			servers = append(servers, s.Server)
		}
	}
	return servers, refused("reading the storages", err)
}

// LookStorages looks at the storages of this server.
func (s *Storage) LookStorages(ctx context.Context) ([]StorageRoom, error) {
	rooms := s.Storages(ctx)
	return rooms, ctx.Err() // what was not looked at is not missing
}

// ServerSeen is what a look at a storage server came to.
type ServerSeen struct {
	Server   string        `json:"server"`
	Storages []StorageRoom `json:"storages,omitempty"`
	// Silent says that its worker did not answer. Without an answer nothing is
	// known of its storages.
	Silent   bool      `json:"silent,omitempty"`
	Answered bool      `json:"answered,omitempty"`
	At       time.Time `json:"at"`
}

// SettleServers records what was seen of storage servers, and tells what is new,
// worse, over, or to be repeated. It gives how many notices that made.
func (c *Control) SettleServers(ctx context.Context, seen []ServerSeen) (told int, err error) {
	ctx = asActor(ctx)
	by := map[string]ServerSeen{}
	for _, s := range seen {
		by[s.Server] = s
		if !s.Answered {
			continue
		}
		if err := c.RegisterStorages(ctx, RegisterInput{Server: s.Server, Storages: s.Storages, At: s.At}); err != nil {
			return 0, err
		}
	}
	now := c.Now()
	open, err := c.Catalog.OpenFleet(ctx)
	if err != nil {
		return 0, refused("reading what is on record", err)
	}
	storages, err := c.Catalog.StorageRooms(ctx, catalog.Everything(), now)
	if err != nil {
		return 0, refused("reading the storages", err)
	}
	var found []catalog.FleetFinding
	for _, s := range storages {
		name := s.Server + ":" + s.Dataset
		if by[s.Server].Answered {
			found = append(found, watch.Storage(s, func(kind string) bool { return isOpen(open, catalog.AboutStorage, name, kind) }, c.Watching.Limits, now)...)
		} else {
			found = append(found, asBefore(open, catalog.AboutStorage, name)...)
		}
	}
	for _, s := range seen {
		switch {
		case s.Silent:
			found = append(found, watch.Silent(s.Server, c.Watching.Limits, now))
		case !s.Answered:
			found = append(found, asBefore(open, catalog.AboutWorker, s.Server)...)
		}
	}
	looked := func(about, _ string) bool { return about == catalog.AboutStorage || about == catalog.AboutWorker }
	told, err = c.Catalog.SettleFleet(ctx, found, looked, c.Watching.Nag, now)
	return told, refused("recording what was seen", err)
}

func isOpen(open []catalog.Condition, about, subject, kind string) bool {
	for _, o := range open {
		if o.About == about && o.Subject == subject && o.Kind == kind {
			return true
		}
	}
	return false
}

// unheard is the patience with what nobody could look at again.
const unheard = 100 * 365 * 24 * time.Hour

// asBefore gives what is on record of what could not be looked at.
func asBefore(open []catalog.Condition, about, subject string) (found []catalog.FleetFinding) {
	for _, o := range open {
		if o.About == about && o.Subject == subject {
			found = append(found, catalog.FleetFinding{
				About: about, Subject: subject, Patience: unheard,
				Finding: catalog.Finding{Kind: o.Kind, Severity: o.Severity, Title: o.Title, Cause: string(o.Cause), Remedy: string(o.Remedy), Since: o.Since},
			})
		}
	}
	return found
}
