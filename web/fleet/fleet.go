// Package fleet is the first page: what needs a person, what runs now, how much
// room there is, and how the last month went.
package fleet

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/web/server"
	"planb/worker"
)

// Catalog is what the page asks of *catalog.Store.
type Catalog interface {
	Attention(ctx context.Context, v catalog.Visible, now time.Time, limit int) (catalog.Attention, error)
	Calendar(ctx context.Context, hostIDs []string, midnights []time.Time) (map[string][]catalog.DayRuns, error)
	FleetConditions(ctx context.Context, v catalog.Visible) ([]catalog.Condition, error)
	HostPage(ctx context.Context, q catalog.HostQuery) (catalog.HostList, error)
	RunPage(ctx context.Context, q catalog.RunQuery) (catalog.RunList, error)
	StorageRooms(ctx context.Context, v catalog.Visible, now time.Time) ([]catalog.StorageRoom, error)
	SystemEffective(ctx context.Context) (policy.Effective, error)
	Typical(ctx context.Context, hostIDs []string) (map[string]time.Duration, error)
}

// Temporal is asked how runs under way do.
type Temporal interface {
	Look(ctx context.Context, workflowID, run string) (worker.Status, error)
}

// Pages are the pages of this family.
type Pages struct {
	catalog  Catalog
	progress *progress
	now      func() time.Time
}

// New makes them.
func New(c Catalog, t Temporal, now func() time.Time) Pages {
	return Pages{catalog: c, progress: newProgress(t, now), now: now}
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/{$}", Right: access.View, Scope: server.Anything, Handle: p.fleet},
		// The parts that the page asks for again while it is open.
		{Method: http.MethodGet, Pattern: "/fleet/attention", Right: access.View, Scope: server.Anything, Handle: p.attentionPart},
		{Method: http.MethodGet, Pattern: "/fleet/running", Right: access.View, Scope: server.Anything, Handle: p.runningPart},
	}
}

const (
	// mostAttention and mostRunning are how many hosts and runs the page lists;
	// the rest is a link away.
	mostAttention = 12
	mostRunning   = 10
	// calendarHosts and calendarDays are the size of a calendar.
	calendarHosts = 25
	calendarDays  = 30
)

// view is the whole page.
type view struct {
	group     string
	now       time.Time
	attention attention
	running   running
	rooms     []catalog.StorageRoom
	calendar  calendar
}

func (p Pages) fleet(w http.ResponseWriter, r *http.Request) error {
	v := view{group: r.FormValue("group"), now: p.now()}
	// Beside each other: with thousands of hosts, the calendar takes as long as
	// the rest together.
	var wg sync.WaitGroup
	var calendarErr, attentionErr, runningErr, roomsErr error
	wg.Go(func() { v.calendar, calendarErr = p.readCalendar(r) })
	v.attention, attentionErr = p.readAttention(r)
	v.running, runningErr = p.readRunning(r)
	v.rooms, roomsErr = p.catalog.StorageRooms(r.Context(), server.Sees(r).Within(v.group), p.now())
	wg.Wait()
	if err := errors.Join(calendarErr, attentionErr, runningErr, roomsErr); err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, page(v))
}

// attention is the part of the page that says what needs a person.
type attention struct {
	catalog.Attention
	// Fleet is what lasts of what hosts stand on.
	Fleet []catalog.Condition
	group string
}

func (p Pages) readAttention(r *http.Request) (attention, error) {
	group := r.FormValue("group")
	a, err := p.catalog.Attention(r.Context(), server.Sees(r).Within(group), p.now(), mostAttention)
	if err != nil {
		return attention{}, err
	}
	fleet, err := p.catalog.FleetConditions(r.Context(), server.Sees(r).Within(group))
	return attention{a, fleet, group}, err
}

func (p Pages) attentionPart(w http.ResponseWriter, r *http.Request) error {
	a, err := p.readAttention(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, attentionBox(a))
}

func (p Pages) runningPart(w http.ResponseWriter, r *http.Request) error {
	v, err := p.readRunning(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, runningBox(v))
}

// within gives the address of a path, narrowed to a group as the page is.
func within(path, group string, more ...string) string {
	q := url.Values{}
	if group != "" {
		q.Set("group", group)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Add(more[i], more[i+1])
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// number reads a number of the query that is not negative; anything else is 0.
func number(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.FormValue(name))
	if err != nil || n < 0 || n > 1_000_000 {
		return 0
	}
	return n
}
