package report

import (
	"slices"
	"time"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// Period is a time in which a host had no good backup and should have.
type Period struct {
	// State is the worst of its attempts: failed, partial or suspect; or late
	// when there was none.
	State string
	// From is when the first attempt began that was not good; of a late one when
	// the last good one did. Until is when the next good one began; nil while it
	// lasts.
	From  time.Time
	Until *time.Time
	// Attempts are those that were not good, the last of which said Message.
	Attempts int
	Message  string
}

// StateLate is that of a period in which nothing was tried.
const StateLate = "late"

// Lasts is how long the period was, or has been.
func (p Period) Lasts(now time.Time) time.Duration {
	if p.Until != nil {
		now = *p.Until
	}
	return now.Sub(p.From)
}

// Touches says whether the period is at least in part between from and until.
func (p Period) Touches(from, until time.Time) bool {
	return p.From.Before(until) && (p.Until == nil || p.Until.After(from))
}

// badness orders states from harmless to bad.
var badness = []string{StateLate, policy.StatePartial, policy.StateSuspect, policy.StateFailed}

// Periods finds those of one host in its attempts, the oldest first. Without an
// attempt, good ones more than late apart make a period; late 0 leaves these
// out. now ends the last gap; zero when the host is not backed up any more.
func Periods(attempts []catalog.Attempt, late time.Duration, now time.Time) []Period {
	var list []Period
	var open *Period
	var good *time.Time
	gap := func(until time.Time, over bool) {
		if late <= 0 || good == nil || until.Sub(*good) <= late {
			return
		}
		p := Period{State: StateLate, From: *good}
		if over {
			p.Until = &until
		}
		list = append(list, p)
	}
	for _, a := range attempts {
		if a.State == policy.StateOK || a.State == policy.StateWarning {
			at := a.Started
			if open != nil {
				open.Until = &at
				list, open = append(list, *open), nil
			} else {
				gap(at, true)
			}
			good = &at
			continue
		}
		if open == nil {
			open = &Period{From: a.Started, State: a.State}
		}
		open.Attempts++
		open.Message = oneLine(a.Message)
		if slices.Index(badness, a.State) > slices.Index(badness, open.State) {
			open.State = a.State
		}
	}
	switch {
	case open != nil:
		list = append(list, *open)
	case !now.IsZero():
		gap(now, false)
	}
	return list
}
