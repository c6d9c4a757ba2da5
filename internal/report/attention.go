package report

import (
	"cmp"
	"slices"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// What a host needs a person for, the most urgent first.
const (
	suspect = iota
	disproven
	failing
	never
	late
	waiting
	nothing
)

// need says what a host needs a person for.
func need(h catalog.HostLine) int {
	switch {
	case h.Health == policy.HealthFailing && h.SuspectSince != nil:
		return suspect
	case h.Health == policy.HealthFailing && h.LastVerifyState == catalog.VerifyMismatch:
		return disproven
	case h.Health == policy.HealthFailing:
		return failing
	case h.Health == policy.HealthNever:
		return never
	case h.Health == policy.HealthLate:
		return late
	case waits(h):
		return waiting
	}
	return nothing
}

var needWords = [...]string{"suspect", "mismatch", "failing", "never", "late", "waiting"}

// attention lists the hosts that need a person.
func (w digest) attention() Section {
	s := Section{Title: "Needs a person", Columns: columns("Host", "What", "Last good", "Age")}
	var hosts []catalog.HostLine
	for _, h := range w.Hosts {
		if need(h) != nothing {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		s.Columns = nil
		s.Lead = []string{"Nothing: every host that is not paused has a good backup in time."}
		if countsOf(w.Hosts).OK == 0 {
			s.Lead = []string{"Nothing; but no host is backed up, either."}
		}
		return s
	}
	slices.SortStableFunc(hosts, func(a, b catalog.HostLine) int {
		if by := cmp.Compare(need(a), need(b)); by != 0 {
			return by
		}
		switch {
		case a.LastGood == nil || b.LastGood == nil:
			return 0 // they come by name
		default:
			return a.LastGood.Compare(*b.LastGood)
		}
	})
	for _, h := range hosts[:min(most, len(hosts))] {
		s.Rows = append(s.Rows, w.needy(h))
	}
	s.Lead = w.more(s.Rows, len(hosts))
	return s
}

func (w digest) needy(h catalog.HostLine) Row {
	what := need(h)
	row := Row{Cells: []string{h.Host, needWords[what], w.stampPtr(h.LastGood), none}, Href: w.hostHref(h.Host), Tone: Bad}
	if h.LastGood != nil {
		row.Cells[3] = w.age(*h.LastGood)
	}
	if what >= late {
		row.Tone = Warn
	}
	note := func(texts ...string) {
		for _, text := range texts {
			if text = oneLine(text); text != "" {
				row.Notes = append(row.Notes, text)
			}
		}
	}
	switch what {
	case suspect:
		note("A snapshot of "+w.stampPtr(h.SuspectSince)+" is suspect, and nothing is pruned until somebody decides.",
			"To do: planb host accept "+h.Host+", or planb host reject "+h.Host)
	case disproven:
		note(string(h.HealthReason))
	case waiting:
		note(string(h.Message))
		if h.NextTry != nil {
			note("The next try is at " + w.full(*h.NextTry) + ".")
		}
	case never:
		if h.EndedState == "" {
			note("No backup has ended yet.", string(h.HealthReason))
			break
		}
		fallthrough
	default:
		note(string(h.HealthReason))
		switch string(h.EndedState) {
		case policy.StateFailed, policy.StatePartial:
			note(string(h.EndedState) + ": " + string(h.EndedMessage))
			if h.EndedRemedy != "" {
				note("To do: " + string(h.EndedRemedy))
			}
		}
	}
	return row
}
