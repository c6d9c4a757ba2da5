package report

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// MonthlyInput is what the monthly report of a group is made from.
type MonthlyInput struct {
	Group string
	Month Month
	Now   time.Time
	// Zone is the group's: its months begin there.
	Zone *time.Location
	// URL is that of the pages; empty leaves links out.
	URL   string
	Hosts []catalog.HostMonth
}

// NewMonthly writes the monthly report of a group.
func NewMonthly(in MonthlyInput) Doc {
	w := monthly{MonthlyInput: in, clock: clock{in.Now, in.Zone}}
	w.from, w.until = in.Month.Span(in.Zone)
	incidents, hit := w.incidents()
	doc := Doc{
		Title:   "Backups of " + in.Group + " in " + in.Month.Words(),
		Subject: fmt.Sprintf("PlanB: %s, %s: %s", in.Group, in.Month.Words(), plural(len(in.Hosts), "host", "hosts")),
	}
	switch {
	case hit > 0:
		doc.Subject += fmt.Sprintf(", %d with incidents", hit)
	case len(in.Hosts) > 0:
		doc.Subject += ", no incidents"
	}
	doc.Lead = []string{fmt.Sprintf("From %s until %s.", w.full(w.from), w.full(w.until))}
	if in.Now.Before(w.until) {
		doc.Lead = append(doc.Lead, "The month is not over: this is how it stands at "+w.full(in.Now)+".")
	} else {
		doc.Lead = append(doc.Lead, "What is on the storage and which snapshots are kept is as of "+w.full(in.Now)+".")
	}
	doc.Sections = []Section{w.hosts(), incidents}
	if in.URL != "" {
		doc.Foot = []string{"How the hosts are doing now: " + in.URL + "/hosts?group=" + url.QueryEscape(in.Group)}
	}
	return doc
}

// monthly writes the sections.
type monthly struct {
	MonthlyInput
	clock
	from, until time.Time
}

func (w monthly) hosts() Section {
	s := Section{Title: "Hosts", Columns: columns("Host", "Last good", "Last proven", "#Good", "#Failed", "#Partial", "#Files", "#Growth", "#On storage", "#Snapshots", "Oldest")}
	if len(w.Hosts) == 0 {
		s.Columns, s.Lead = nil, []string{"The group has no hosts."}
		return s
	}
	for _, h := range w.Hosts {
		s.Rows = append(s.Rows, w.host(h))
	}
	s.Lead = []string{"Good, failed and partial count the backups that began in the month. Files is what the last good one of them found on the host, growth how much more that is than what the first one found."}
	return s
}

func (w monthly) host(h catalog.HostMonth) Row {
	row := Row{}
	if w.URL != "" && !h.Removed {
		row.Href = w.URL + "/hosts/" + (&url.URL{Path: h.Host}).EscapedPath()
	}
	var good, failed, partial int
	var first, last *int64
	for _, a := range h.Attempts {
		if a.Started.Before(w.from) {
			continue
		}
		switch {
		case a.Good():
			good++
			if a.BytesTotal != nil {
				if first == nil {
					first = a.BytesTotal
				}
				last = a.BytesTotal
			}
		case a.State == policy.StateFailed:
			failed++
		default:
			partial++
			if a.State == policy.StateSuspect {
				row.Notes = append(row.Notes, "The snapshot of "+w.stamp(a.Started)+" is suspect, and not counted as good.")
			}
		}
	}
	growth, oldest := none, none
	if first != nil {
		growth = change(*last - *first)
	}
	if h.OldestSnapshot != nil {
		oldest = h.OldestSnapshot.In(w.zone).Format(time.DateOnly)
	}
	row.Cells = []string{
		h.Host, w.stampPtr(h.LastGood), w.stampPtr(h.LastProven), fmt.Sprint(good), fmt.Sprint(failed), fmt.Sprint(partial),
		sizePtr(last), growth, sizePtr(h.UsedBytes), fmt.Sprint(h.Snapshots), oldest,
	}
	switch {
	case h.Removed:
		row.Notes = append(row.Notes, "It was removed.")
	case !h.Enabled:
		row.Notes = append(row.Notes, oneLine("It is disabled: "+h.DisabledReason))
	case h.LastGood == nil:
		row.Tone = Bad
	}
	return row
}

// incident is a row with what it is ordered by.
type incident struct {
	at  time.Time
	row Row
}

// incidents lists the times in which a host had no good backup and should have,
// and what verifications found; hit is how many hosts that were.
func (w monthly) incidents() (s Section, hit int) {
	s = Section{Title: "Incidents", Columns: columns("Host", "What", "From", "Until", "For", "#Attempts")}
	var list []incident
	for _, h := range w.Hosts {
		before := len(list)
		list = append(list, w.periods(h)...)
		if n, ok := w.never(h); ok && len(list) == before {
			list = append(list, n)
		}
		for _, m := range h.Mismatches {
			list = append(list, incident{m.At, Row{
				Cells: []string{h.Host, "mismatch", w.stamp(m.At), none, none, none}, Tone: Bad,
				Notes: []string{oneLine("Of snapshot " + m.Snapshot + ": " + m.Summary)},
			}})
		}
		if len(list) > before {
			hit++
		}
	}
	if len(list) == 0 {
		s.Columns, s.Lead = nil, []string{"None."}
		return s, 0
	}
	slices.SortStableFunc(list, func(a, b incident) int {
		if by := a.at.Compare(b.at); by != 0 {
			return by
		}
		return strings.Compare(a.row.Cells[0], b.row.Cells[0])
	})
	for _, i := range list {
		s.Rows = append(s.Rows, i.row)
	}
	return s, hit
}

func (w monthly) periods(h catalog.HostMonth) (list []incident) {
	until := w.until
	if w.now.Before(until) {
		until = w.now
	}
	lateAge := h.LateAge
	if h.Removed || !h.Enabled {
		until, lateAge = time.Time{}, 0 // nobody knows since when
	}
	for _, p := range Periods(h.Attempts, lateAge, until) {
		if !p.Touches(w.from, w.until) {
			continue
		}
		row := Row{
			Cells: []string{h.Host, p.State, w.stamp(p.From), "lasts", span(p.Lasts(earlier(w.now, w.until))), fmt.Sprint(p.Attempts)},
			Tone:  Warn,
		}
		if p.State == StateLate {
			row.Notes = []string{"No backup ended well or not in that time."}
		} else if p.Message != "" {
			row.Notes = []string{p.Message}
		}
		if p.Until != nil {
			row.Cells[3] = w.stamp(*p.Until)
		} else {
			row.Tone = Bad
		}
		list = append(list, incident{p.From, row})
	}
	return list
}

// never tells of a host that has no backup, and should have had one in time.
func (w monthly) never(h catalog.HostMonth) (incident, bool) {
	end := earlier(w.now, w.until)
	if h.Removed || !h.Enabled || h.LastGood != nil || h.LateAge <= 0 || end.Sub(h.Created) <= h.LateAge {
		return incident{}, false
	}
	return incident{h.Created, Row{
		Cells: []string{h.Host, "never", w.stamp(h.Created), "lasts", span(end.Sub(h.Created)), "0"}, Tone: Bad,
		Notes: []string{"It has no good backup, and none was tried that ended."},
	}}, true
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
