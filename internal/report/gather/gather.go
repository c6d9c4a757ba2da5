// Package gather reads from the catalog what reports are made of, and makes them.
package gather

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"path"
	"slices"
	"time"

	"planb/internal/catalog"
	"planb/internal/report"
)

// Gatherer makes reports. All of it is what the catalog holds: no host and no
// storage server is asked, so that none can keep a report from being made.
type Gatherer struct {
	Catalog *catalog.Store
	// URL is that of the pages; empty leaves links out.
	URL string
	// Zone is that of the times in a digest.
	Zone *time.Location
	// SilentAfter is how long the worker of a storage may say nothing.
	SilentAfter time.Duration
	// FreeWarn is the share of a storage, in percent, that should be free.
	FreeWarn int
	// Only, when set, says which hosts a monthly report is narrowed to, by name.
	Only func(name string) bool
	Log  *slog.Logger
}

// Over says whether the time is over that a report is of, so that it can be
// mailed; a digest is of now.
func (g Gatherer) Over(ctx context.Context, of catalog.ReportOf, now time.Time) (bool, error) {
	if of.Kind == catalog.ReportDigest {
		return true, nil
	}
	month, err := report.ParseMonth(of.Period)
	if err != nil {
		return false, &catalog.InvalidError{Reason: err.Error()}
	}
	zone, err := g.ZoneOf(ctx, string(of.Group))
	if err != nil {
		return false, err
	}
	_, until := month.Span(zone)
	return !now.Before(until), nil
}

// Make makes a report as it is at now.
func (g Gatherer) Make(ctx context.Context, of catalog.ReportOf, now time.Time) (report.Doc, error) {
	if of.Kind == catalog.ReportDigest {
		return g.digest(ctx, now)
	}
	month, err := report.ParseMonth(of.Period)
	if err != nil {
		return report.Doc{}, &catalog.InvalidError{Reason: err.Error()}
	}
	return g.monthly(ctx, string(of.Group), month, now)
}

// digest makes that of the day that now is. Without the hosts there is none; of
// the rest it has what could be read, and says what could not.
func (g Gatherer) digest(ctx context.Context, now time.Time) (report.Doc, error) {
	in := report.DigestInput{
		Day: now.In(g.Zone).Format(time.DateOnly), Now: now, Zone: g.Zone, URL: g.URL, SilentAfter: g.SilentAfter, FreeWarn: g.FreeWarn,
	}
	all := catalog.Everything()
	hosts, err := g.Catalog.HostPage(ctx, catalog.HostQuery{Visible: all, Now: now, Limit: math.MaxInt32})
	if err != nil {
		return report.Doc{}, fmt.Errorf("reading the hosts: %w", err)
	}
	in.Hosts = hosts.Hosts
	look := func(what string, err error) {
		if err != nil {
			g.Log.Error("the digest lacks something", "what", what, "error", err)
			in.Missing = append(in.Missing, what)
		}
	}
	attention, err := g.Catalog.Attention(ctx, all, now, 1)
	in.Ended = attention.Since
	look("how backups ended", err)
	in.Storages, err = g.Catalog.StorageRooms(ctx, all, now)
	look("the storages", err)
	in.Notices, err = g.Catalog.FleetConditions(ctx, all)
	look("open notices", err)
	return report.NewDigest(in), nil
}

func (g Gatherer) monthly(ctx context.Context, group string, month report.Month, now time.Time) (report.Doc, error) {
	zone, err := g.ZoneOf(ctx, group)
	if err != nil {
		return report.Doc{}, err
	}
	in := report.MonthlyInput{Group: group, Month: month, Now: now, Zone: zone, URL: g.URL}
	from, until := month.Span(zone)
	if in.Hosts, err = g.Catalog.Month(ctx, group, from, until); err != nil {
		return report.Doc{}, fmt.Errorf("reading the month of group %s: %w", group, err)
	}
	if g.Only != nil {
		in.Hosts = slices.DeleteFunc(in.Hosts, func(h catalog.HostMonth) bool { return !g.Only(path.Base(h.Host)) })
	}
	return report.NewMonthly(in), nil
}

// ZoneOf gives the zone of a group, in which its months begin.
func (g Gatherer) ZoneOf(ctx context.Context, group string) (*time.Location, error) {
	effective, err := g.Catalog.GroupEffective(ctx, group)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(effective.Timezone.Value)
	if err != nil {
		return nil, fmt.Errorf("the time zone of group %s: %w", group, err)
	}
	return zone, nil
}
