package fleet

import (
	"fmt"
	"net/http"
	"time"

	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/web/server"
	"planb/web/ui"
)

// calendar is hosts × days, the hosts that need a person first.
type calendar struct {
	group string
	zone  string
	days  []day
	hosts []calendarHost
	// from counts the hosts before this page; total are all of them.
	from, total int
}

// day is one column.
type day struct {
	at time.Time
	// first of the month, or of the calendar: the month is told with it.
	first bool
}

// calendarHost is one row, with a cell for each day.
type calendarHost struct {
	catalog.HostLine
	cells []cell
}

// cell is how one day of one host went. The zero value is a day without a
// backup.
type cell struct {
	// run is the last one of the day, which the cell leads to.
	run, state string
	// after is the state of an earlier run that was worse.
	after string
	runs  int
}

func (p Pages) readCalendar(r *http.Request) (calendar, error) {
	c := calendar{group: r.FormValue("group"), from: number(r, "from")}
	zone := time.UTC
	system, err := p.catalog.SystemEffective(r.Context())
	if err != nil {
		return c, err
	}
	if own, err := system.Location(); err == nil {
		zone = own
	}
	c.zone = zone.String()
	hosts, err := p.catalog.HostPage(r.Context(), catalog.HostQuery{
		Visible: server.Sees(r), Group: c.group, Sort: "health", Limit: calendarHosts, Offset: c.from, Now: p.now(),
	})
	if err != nil {
		return c, err
	}
	c.total = hosts.Total
	ids := make([]string, len(hosts.Hosts))
	for i, h := range hosts.Hosts {
		ids[i] = h.ID
	}
	midnights := catalog.Days(p.now(), zone, calendarDays)
	found, err := p.catalog.Calendar(r.Context(), ids, midnights)
	if err != nil {
		return c, err
	}
	for i, at := range midnights[:calendarDays] {
		c.days = append(c.days, day{at, i == 0 || at.Day() == 1})
	}
	for _, h := range hosts.Hosts {
		row := calendarHost{h, make([]cell, calendarDays)}
		for _, d := range found[h.ID] {
			if d.Day >= 0 && d.Day < calendarDays {
				row.cells[d.Day] = cellOf(d)
			}
		}
		c.hosts = append(c.hosts, row)
	}
	return c, nil
}

func cellOf(d catalog.DayRuns) cell {
	c := cell{run: d.LastRun, state: d.LastState, runs: d.Runs}
	if d.WorstState != d.LastState {
		c.after = d.WorstState
	}
	return c
}

// marks are what a cell shows besides its colour.
var marks = map[string]string{
	policy.StateOK: "✓", policy.StateWarning: "!", policy.StatePartial: "◐", policy.StateFailed: "✕",
	policy.StateCancelled: "–", policy.StateRunning: "▸", policy.StateWaiting: "…",
}

func (c cell) mark() string {
	if m, ok := marks[c.state]; ok {
		return m
	}
	return "?"
}

func (c cell) class() string {
	class := "day day-" + c.state
	if c.after != "" {
		class += " day-mended"
	}
	return class
}

// words tell a cell to those who do not see it, and on hover.
func (c cell) words(d day) string {
	text := d.at.Format("Mon 2 Jan") + ": " + c.state
	if c.after != "" {
		text += " after " + c.after
	}
	if c.runs > 1 {
		text += fmt.Sprintf(", %d runs", c.runs)
	}
	return text
}

// pager leads to the other hosts.
func (c calendar) pager() ui.Pager {
	p := ui.Pager{PrevWord: "Before", NextWord: "Next", Shown: fmt.Sprintf("%s–%s of %s, those that need a person first",
		ui.Count(c.from+1), ui.Count(c.from+len(c.hosts)), ui.Plural(c.total, "host", "hosts"))}
	if c.from > 0 {
		p.Prev = within("/", c.group, "from", fmt.Sprint(max(0, c.from-calendarHosts))) + "#calendar"
	}
	if c.from+len(c.hosts) < c.total {
		p.Next = within("/", c.group, "from", fmt.Sprint(c.from+calendarHosts)) + "#calendar"
	}
	return p
}

// legend explains the marks.
var legend = []struct{ state, words string }{
	{policy.StateOK, "ok"},
	{policy.StateWarning, "warning"},
	{policy.StatePartial, "partial"},
	{policy.StateFailed, "failed"},
	{policy.StateCancelled, "cancelled"},
	{policy.StateRunning, "running"},
	{policy.StateWaiting, "waiting"},
}
