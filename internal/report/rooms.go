package report

import (
	"fmt"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// soonFull is how near the day has to be on which a storage will be full for it
// to be shown as a warning.
const soonFull = 90 * 24 * time.Hour

// storages tells how much room there is, and where it goes.
func (w digest) storages() Section {
	s := Section{Title: "Storages", Columns: columns("Storage", "#Used", "#Free", "#Free %", "#A day", "Full", "Pool")}
	if len(w.Storages) == 0 {
		s.Columns, s.Lead = nil, []string{"None is registered."}
		return s
	}
	for _, st := range w.Storages {
		s.Rows = append(s.Rows, w.storage(st))
	}
	return s
}

func (w digest) storage(st catalog.StorageRoom) Row {
	row := Row{Cells: []string{
		st.Server + ":" + st.Dataset, sizePtr(st.UsedBytes), sizePtr(st.FreeBytes), none, none, none, st.Health,
	}}
	if w.URL != "" {
		row.Href = w.URL + "/storages"
	}
	warn := func(tone Tone, note string) {
		if row.Tone != Bad {
			row.Tone = tone
		}
		row.Notes = append(row.Notes, oneLine(note))
	}
	if st.UsedBytes != nil && st.FreeBytes != nil && *st.UsedBytes+*st.FreeBytes > 0 {
		share := 100 * float64(*st.FreeBytes) / float64(*st.UsedBytes+*st.FreeBytes)
		row.Cells[3] = fmt.Sprintf("%.0f %%", share)
		if share < float64(w.FreeWarn) {
			warn(Warn, fmt.Sprintf("Less than %d %% is free.", w.FreeWarn))
		}
	}
	if st.GrowthPerDay != nil {
		row.Cells[4] = change(int64(*st.GrowthPerDay))
	}
	if st.FullAt != nil {
		row.Cells[5] = st.FullAt.In(w.zone).Format(time.DateOnly)
		if st.FullAt.Sub(w.now) < soonFull {
			warn(Warn, "It is full in "+plural(int(st.FullAt.Sub(w.now)/(24*time.Hour)), "day", "days")+" if it goes on like this.")
		}
	}
	if st.Health == "" {
		row.Cells[6] = none
	} else if !strings.EqualFold(st.Health, "ONLINE") {
		warn(Bad, "The pool is "+st.Health+".")
	}
	if n := st.DataErrors; n != nil && *n > 0 {
		warn(Bad, plural(int(*n), "file of the pool is", "files of the pool are")+" known to be damaged: see zpool status -v.")
	}
	if silent := w.now.Sub(st.SeenAt); w.SilentAfter > 0 && silent > w.SilentAfter {
		warn(Bad, "Its worker has said nothing for "+span(silent)+": is planb worker running there?")
	}
	return row
}

// proven tells of how many hosts it is proven that their files come back.
func (w digest) proven() Section {
	s := Section{Title: "Proven", Columns: columns("Host", "What", "Last proven")}
	var week, month, older, unproven, all int
	for _, h := range w.Hosts {
		if h.Health == policy.HealthPaused {
			continue
		}
		all++
		switch p := h.LastProven; {
		case p == nil:
			unproven++
		case w.now.Sub(*p) <= 7*24*time.Hour:
			week++
		case w.now.Sub(*p) <= 31*24*time.Hour:
			month++
		default:
			older++
		}
		if h.LastVerifyState == catalog.VerifyMismatch && len(s.Rows) < most {
			s.Rows = append(s.Rows, Row{
				Cells: []string{h.Host, "mismatch", w.stampPtr(h.LastProven)}, Href: w.hostHref(h.Host), Tone: Bad,
				Notes: []string{"See planb verify --report " + h.Host + "."},
			})
		}
	}
	if len(s.Rows) == 0 {
		s.Columns = nil
	}
	s.Lead = []string{fmt.Sprintf("Hosts that are not paused: %d. Files of a backup were restored and found equal in the last 7 days for %d of them, in the last 31 days for %d more, longer ago for %d, never for %d.",
		all, week, month, older, unproven)}
	return s
}

// notices lists the open ones.
func (w digest) notices() Section {
	s := Section{Title: "Open notices", Columns: columns("Of", "Severity", "Since", "What")}
	for _, n := range w.Notices[:min(most, len(w.Notices))] {
		row := Row{Cells: []string{oneLine(n.Subject), n.Severity, w.stamp(n.Since), oneLine(n.Title)}}
		s.Rows = append(s.Rows, row)
	}
	s.Lead = w.more(s.Rows, len(w.Notices))
	return s
}
