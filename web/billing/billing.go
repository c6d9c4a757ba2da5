// Package billing shows what hosts used, by group and month, as it is billed.
package billing

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"planb/internal/access"
	"planb/internal/billing"
	"planb/internal/catalog"
	"planb/web/server"
	"planb/web/ui"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	UsageOfGroups(ctx context.Context, f catalog.UsageFilter) ([]catalog.UsageTotal, error)
	UsageOfHosts(ctx context.Context, f catalog.UsageFilter) ([]catalog.UsageTotal, error)
	UsageByDay(ctx context.Context, f catalog.UsageFilter) ([]catalog.DayUsage, error)
	UsageSamples(ctx context.Context, f catalog.UsageFilter) (catalog.UsageSamples, error)
}

// Pages are the pages of this family.
type Pages struct {
	Catalog Catalog
	// Zone is that of the days that are billed.
	Zone *time.Location
	Now  func() time.Time
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/billing", Right: access.View, Scope: server.Anything, Handle: p.list},
		{Method: http.MethodGet, Pattern: "/billing/{group}", Right: access.View, Scope: server.InGroup, Handle: p.group},
		{Method: http.MethodGet, Pattern: "/billing.csv", Right: access.View, Scope: server.Anything, Handle: p.csv},
	}
}

// view is a month, of all groups or of one.
type view struct {
	Group string
	// Month is 2026-11; First and Next are its first day and that of the next.
	Month       string
	First, Next billing.Day
	Totals      []catalog.UsageTotal
	Days        []catalog.DayUsage
}

// month reads which month is asked for; without, it is this one.
func (p Pages) month(r *http.Request) (v view, f catalog.UsageFilter, err error) {
	v.Month = r.URL.Query().Get("month")
	if v.Month == "" {
		v.Month = p.Now().In(p.Zone).Format("2006-01")
	}
	if v.First, v.Next, err = billing.ParseMonth(v.Month); err != nil {
		return v, f, server.ErrNotFound
	}
	return v, catalog.UsageFilter{First: string(v.First), Next: string(v.Next), Visible: server.Sees(r)}, nil
}

func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
	v, f, err := p.month(r)
	if err != nil {
		return err
	}
	if v.Totals, err = p.Catalog.UsageOfGroups(r.Context(), f); err != nil {
		return err
	}
	return p.show(w, r, v, f)
}

func (p Pages) group(w http.ResponseWriter, r *http.Request) error {
	v, f, err := p.month(r)
	if err != nil {
		return err
	}
	v.Group = r.PathValue("group")
	f.Visible = f.Visible.Within(v.Group)
	if v.Totals, err = p.Catalog.UsageOfHosts(r.Context(), f); err != nil {
		return err
	}
	return p.show(w, r, v, f)
}

func (p Pages) show(w http.ResponseWriter, r *http.Request, v view, f catalog.UsageFilter) (err error) {
	if v.Days, err = p.Catalog.UsageByDay(r.Context(), f); err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, page(v))
}

func (p Pages) csv(w http.ResponseWriter, r *http.Request) error {
	v, f, err := p.month(r)
	if err != nil {
		return err
	}
	name := "planb-billing-" + v.Month
	if v.Group = r.URL.Query().Get("group"); v.Group != "" {
		f.Visible = f.Visible.Within(v.Group)
		name += "-" + v.Group
	}
	samples, err := p.Catalog.UsageSamples(r.Context(), f)
	if err != nil {
		return err
	}
	server.Download(w, name+".csv")
	_ = csv.NewWriter(w).WriteAll(samples.CSV()) // who is gone reads nothing
	return nil
}

// href is where a month is shown, of all groups or of one.
func href(group string, month billing.Day) string {
	path := "/billing"
	if group != "" {
		path += "/" + group
	}
	return path + "?month=" + string(month)[:len("2026-11")]
}

func (v view) csvHref() string {
	q := url.Values{"month": {v.Month}}
	if v.Group != "" {
		q.Set("group", v.Group)
	}
	return "/billing.csv?" + q.Encode()
}

// bars has one for each day of the month, and tells it.
func (v view) bars() []ui.Bar {
	used := map[string]catalog.DayUsage{}
	for _, d := range v.Days {
		used[d.Day] = d
	}
	var bars []ui.Bar
	for d := v.First; d < v.Next; d = d.Add(1) {
		u, ok := used[string(d)]
		b := ui.Bar{Value: float64(u.UsedBytes), Title: string(d) + ": nothing billed"}
		if ok {
			b.Title = fmt.Sprintf("%s: %s, %s", d, ui.Bytes(u.UsedBytes), ui.Plural(u.Hosts, "host", "hosts"))
		}
		bars = append(bars, b)
	}
	return bars
}

// gibDays are the bytes of all days together, in GiB.
func gibDays(t catalog.UsageTotal) string { return fmt.Sprintf("%.2f", t.ByteDays/(1<<30)) }
