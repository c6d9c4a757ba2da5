package policy

import (
	"fmt"
	"slices"
	"time"
)

// A Snapshot is what a plan needs to know about one.
type Snapshot struct {
	// Name is what stands after the @.
	Name string `json:"name"`
	// Created is the time of creation as ZFS tells it. It only orders foreign
	// snapshots: those of PlanB carry their time in the name, which also
	// survives a send and receive.
	Created time.Time `json:"created,omitzero"`
	// State is one of the State constants; empty for snapshots of the first
	// PlanB, which took them of complete backups alone.
	State string `json:"state,omitempty"`
	// Held is true while anything holds the snapshot in the sense of zfs hold.
	Held bool `json:"held,omitempty"`
	// HoldReason is what the holder said.
	HoldReason string `json:"hold_reason,omitempty"`
}

// Time is the time in the name, or else that of creation.
func (s Snapshot) Time() time.Time {
	if name := ParseSnapshotName(s.Name); name.Kind != KindForeign {
		return name.Time
	}
	return s.Created
}

// PlanOptions are the circumstances of a plan.
type PlanOptions struct {
	// Now is the time of planning.
	Now time.Time
	// Location is the host's time zone, in which periods are reckoned.
	Location *time.Location
	// FloorCount is how many of the newest good snapshots stay; at least one
	// does.
	FloorCount int
	// FloorAge is the age below which snapshots stay; 0 is none.
	FloorAge Interval
}

// A Decision is what a plan says about one snapshot.
type Decision struct {
	Snapshot Snapshot `json:"snapshot"`
	Keep     bool     `json:"keep"`
	// Reasons are never empty.
	Reasons []string `json:"reasons"`
}

// What happens to a snapshot.
const (
	ActionKeep   = "keep"
	ActionRemove = "remove"
)

// Action is what happens to the snapshot: ActionKeep or ActionRemove.
func (d Decision) Action() string {
	if d.Keep {
		return ActionKeep
	}
	return ActionRemove
}

// The reasons of decisions that carry no detail.
const (
	ReasonNewestGood = "newest good"
	ReasonFloor      = "floor"
	ReasonForeign    = "foreign"
	ReasonSuspect    = "suspect"
)

const (
	// clockSlack is how far ahead of now a snapshot may be dated: names of runs
	// that follow each other closely get the next free minute.
	clockSlack = 10 * time.Minute
	// clockLeap is the gap before the newest good snapshot at which the clock
	// is suspected. It is more than the longest interval between backups.
	clockLeap = 45 * 24 * time.Hour
)

// Plan decides about each snapshot, newest first.
//
// It keeps the newest good snapshot of each of the last so many hours, days,
// weeks, months and years that have one; so a host that is dead keeps what it
// has, however long. Never removed are: the newest good snapshots up to the
// floor, those younger than its age, held ones, suspect ones, those kept by
// hand, those of others, those dated in the future, those in a state not known
// here, and partial or rejected ones that nothing good followed.
//
// Nothing is removed while anybody has still to decide about a suspect
// snapshot, nor when the newest good one is more than 45 days newer than the
// one before: either the host was away that long, and then the next plan does
// its work, or the clock has jumped.
//
// Planning again after carrying out a plan removes nothing more.
func Plan(snapshots []Snapshot, keep Retention, options PlanOptions) []Decision {
	if options.Location == nil {
		options.Location = time.UTC
	}
	p := newPlanner(snapshots, options)
	p.keepProtected()
	p.keepGood()
	p.keepPeriods(keep)
	p.keepAllIfStopped()
	p.explainRemovals(keep)
	decisions := make([]Decision, len(p.items))
	for i, item := range p.items {
		decisions[i] = item.Decision
	}
	return decisions
}

// planned is a decision in the making.
type planned struct {
	Decision
	name SnapshotName
	time time.Time
}

func (p *planned) keep(reason string) {
	p.Keep = true
	p.Reasons = append(p.Reasons, reason)
}

type planner struct {
	options PlanOptions
	// items holds all snapshots, newest first; good those that count for the
	// periods, in the same order.
	items []*planned
	good  []*planned
}

func newPlanner(snapshots []Snapshot, options PlanOptions) *planner {
	p := &planner{options: options}
	for _, s := range snapshots {
		p.items = append(p.items, &planned{
			Decision: Decision{Snapshot: s},
			name:     ParseSnapshotName(s.Name),
			time:     s.Time(),
		})
	}
	slices.SortStableFunc(p.items, func(a, b *planned) int { return b.time.Compare(a.time) })
	for _, item := range p.items {
		if item.regular() && IsGood(item.Snapshot.State) && !p.isFuture(item) {
			p.good = append(p.good, item)
		}
	}
	return p
}

// regular tells whether PlanB took the snapshot on its own account.
func (p *planned) regular() bool {
	return p.name.Kind == KindTier || p.name.Kind == KindLegacy
}

func (p *planner) isFuture(item *planned) bool {
	return IsFuture(item.time, p.options.Now)
}

// IsFuture says whether a snapshot taken at a time was dated by a clock that ran
// ahead of now: one of those is nobody's newest.
func IsFuture(taken, now time.Time) bool { return taken.After(now.Add(clockSlack)) }

// keepProtected keeps what retention has no say in.
func (p *planner) keepProtected() {
	for _, item := range p.items {
		s := item.Snapshot
		if s.Held {
			reason := "held"
			if s.HoldReason != "" {
				reason += ": " + s.HoldReason
			}
			item.keep(reason)
		}
		switch item.name.Kind {
		case KindForeign:
			item.keep(ReasonForeign)
			continue
		case KindKeep:
			item.keep("kept by hand: " + item.name.Label)
		}
		switch {
		case s.State == StateSuspect:
			item.keep(ReasonSuspect)
		case !isLesser(s.State) && !IsGood(s.State):
			item.keep(fmt.Sprintf("state %q is not known", s.State))
		}
		if p.isFuture(item) {
			item.keep("dated in the future")
		}
	}
}

// isLesser tells whether a snapshot in this state is worth keeping only until a
// good one follows.
func isLesser(state string) bool { return state == StatePartial || state == StateRejected }

// keepGood keeps the newest good snapshots, and everything else that rests on
// which ones they are.
func (p *planner) keepGood() {
	for i, item := range p.good {
		if i == 0 {
			item.keep(ReasonNewestGood)
		}
		if i < p.options.FloorCount {
			item.keep(ReasonFloor)
		}
	}
	p.keepLesser()
	p.keepYoung()
}

// keepLesser keeps the partial and rejected snapshots that are better than
// nothing.
func (p *planner) keepLesser() {
	for _, item := range p.items {
		state := item.Snapshot.State
		if !isLesser(state) || !item.regular() {
			continue
		}
		switch {
		case len(p.good) == 0:
			item.keep(state + ", and there is no good one")
		case item.time.After(p.good[0].time):
			item.keep(state + ", newer than the newest good")
		}
	}
}

// keepYoung keeps what is younger than the floor. Age is measured from the
// newest good snapshot where that is older than now: a clock that runs ahead,
// or a host that is dead, makes nothing old.
func (p *planner) keepYoung() {
	if p.options.FloorAge <= 0 {
		return
	}
	now := p.options.Now
	if len(p.good) > 0 && p.good[0].time.Before(now) {
		now = p.good[0].time
	}
	oldest := now.Add(-p.options.FloorAge.Duration())
	for _, item := range p.items {
		if item.regular() && !p.isFuture(item) && item.time.After(oldest) && !slices.Contains(item.Reasons, ReasonFloor) {
			item.keep(ReasonFloor)
		}
	}
}

// keepAllIfStopped keeps what would go at a time when nothing may.
func (p *planner) keepAllIfStopped() {
	reason := p.stopped()
	for _, item := range p.items {
		if reason != "" && !item.Keep {
			item.keep(reason)
		}
	}
}

// stopped tells why nothing may be removed now; nothing when it may.
func (p *planner) stopped() string {
	for _, item := range p.items {
		if item.name.Kind != KindForeign && item.Snapshot.State == StateSuspect {
			return "pruning stopped: a suspect snapshot waits for accept or reject"
		}
	}
	if len(p.good) > 1 {
		if gap := p.good[0].time.Sub(p.good[1].time); gap > clockLeap {
			return fmt.Sprintf("pruning stopped: no backup for %d days before the newest, the clock may have jumped", int(gap.Hours()/24))
		}
	}
	return ""
}

// keepPeriods keeps what the retention asks for.
func (p *planner) keepPeriods(keep Retention) {
	for _, period := range periods {
		most := period.count(keep)
		kept, last := 0, int64(0)
		for _, item := range p.good {
			key := period.key(item.time, p.options.Location)
			if kept == most {
				break
			}
			if kept > 0 && key == last {
				continue
			}
			kept, last = kept+1, key
			item.keep(fmt.Sprintf("%s %d of %d", period.tier, kept, most))
		}
	}
}

func (p *planner) explainRemovals(keep Retention) {
	for _, item := range p.items {
		if item.Keep {
			continue
		}
		reason := "not needed for " + keep.String()
		if state := item.Snapshot.State; isLesser(state) {
			reason = state + ", older than the newest good"
		}
		item.Reasons = []string{reason}
	}
}

// PruningStopped tells why nothing of the snapshots may be removed now; it is
// empty when something may.
func PruningStopped(snapshots []Snapshot, now time.Time) string {
	return newPlanner(snapshots, PlanOptions{Now: now, Location: time.UTC}).stopped()
}

// A plan that removes more than these asks first: the share of the snapshots,
// and a number below which shares mean nothing. Day by day a plan removes a
// few; one that removes most of them follows a change of the retention, which
// may be a slip of the finger.
const (
	askShare = 0.5
	askCount = 5
)

// AsksFirst tells whether a plan removes so much that a person has to agree.
func AsksFirst(decisions []Decision) bool {
	removed := 0
	for _, d := range decisions {
		if !d.Keep {
			removed++
		}
	}
	return removed > askCount && PlanShare(decisions) > askShare
}

// PlanShare gives the share of snapshots, from 0 to 1, that a plan removes.
// Foreign ones do not count.
func PlanShare(decisions []Decision) float64 {
	ours, removed := 0, 0
	for _, d := range decisions {
		if ParseSnapshotName(d.Snapshot.Name).Kind == KindForeign {
			continue
		}
		ours++
		if !d.Keep {
			removed++
		}
	}
	if ours == 0 {
		return 0
	}
	return float64(removed) / float64(ours)
}

// NewestGood gives the newest good snapshot that was not asked for by hand and
// is not dated in the future of now: the one that the next snapshot is compared
// with. It tells false when there is none.
func NewestGood(snapshots []Snapshot, now time.Time) (Snapshot, bool) {
	p := newPlanner(snapshots, PlanOptions{Now: now, Location: time.UTC})
	if len(p.good) == 0 {
		return Snapshot{}, false
	}
	return p.good[0].Snapshot, true
}
