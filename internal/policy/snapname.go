package policy

import (
	"slices"
	"strings"
	"time"
)

// The tiers of snapshots: the periods, from the longest to the shortest, that a
// snapshot can be the first good one of.
const (
	TierYearly  = "yearly"
	TierMonthly = "monthly"
	TierWeekly  = "weekly"
	TierDaily   = "daily"
	TierHourly  = "hourly"
)

// A Kind tells where the name of a snapshot comes from.
type Kind int

// The kinds of snapshots.
const (
	// KindForeign is a name that PlanB never gave: it belongs to others.
	KindForeign Kind = iota
	// KindTier is <tier>-<YYYYMMDDHHMM>, now and in the first PlanB.
	KindTier
	// KindKeep is keep-<label>-<YYYYMMDDHHMM>, asked for by hand.
	KindKeep
	// KindLegacy is planb-20170603T1147Z, of early releases of the first PlanB.
	KindLegacy
)

const (
	stampFormat  = "200601021504"
	legacyFormat = "20060102T1504Z"
	legacyPrefix = "planb-"
	keepPrefix   = "keep-"
	maxLabel     = 63
)

// A SnapshotName is the name of a snapshot, taken apart.
type SnapshotName struct {
	Kind Kind
	// Tier is set for KindTier.
	Tier string
	// Label is set for KindKeep.
	Label string
	// Time is in UTC, whole minutes; zero for KindForeign.
	Time time.Time
}

// ParseSnapshotName takes apart what stands after the @. What it does not
// recognise is foreign.
func ParseSnapshotName(s string) SnapshotName {
	if stamp, ok := strings.CutPrefix(s, legacyPrefix); ok {
		if t, ok := parseStamp(legacyFormat, stamp); ok {
			return SnapshotName{Kind: KindLegacy, Time: t}
		}
		return SnapshotName{}
	}
	cut := strings.LastIndexByte(s, '-')
	if cut < 0 {
		return SnapshotName{}
	}
	t, ok := parseStamp(stampFormat, s[cut+1:])
	if !ok {
		return SnapshotName{}
	}
	if label, ok := strings.CutPrefix(s[:cut], keepPrefix); ok {
		if !validLabel(label) {
			return SnapshotName{}
		}
		return SnapshotName{Kind: KindKeep, Label: label, Time: t}
	}
	for _, p := range periods {
		if s[:cut] == p.tier {
			return SnapshotName{Kind: KindTier, Tier: p.tier, Time: t}
		}
	}
	return SnapshotName{}
}

// parseStamp reads a time that formats back to the very same text.
func parseStamp(format, s string) (time.Time, bool) {
	t, err := time.Parse(format, s)
	return t, err == nil && t.Format(format) == s && t.Year() >= 1970
}

// String gives the name; nothing for a foreign one.
func (n SnapshotName) String() string {
	stamp := n.Time.UTC().Format(stampFormat)
	switch n.Kind {
	case KindTier:
		return n.Tier + "-" + stamp
	case KindKeep:
		return keepPrefix + n.Label + "-" + stamp
	case KindLegacy:
		return legacyPrefix + n.Time.UTC().Format(legacyFormat)
	}
	return ""
}

func validLabel(label string) bool {
	return label != "" && len(label) <= maxLabel && checkWord(label, "._-") == nil && !strings.ContainsAny(label[:1], "._")
}

// NewSnapshot says what the name of the next snapshot depends on.
type NewSnapshot struct {
	// At is when the backup's data was complete.
	At time.Time
	// PreviousGood is the time of the newest good snapshot that was not asked
	// for by hand (see NewestGood); zero when there is none.
	PreviousGood time.Time
	// Location is the host's time zone, in which periods are reckoned.
	Location *time.Location
	// Label, when set, makes a snapshot that is kept by hand. It is one that
	// ident.CheckLabel accepts.
	Label string
	// Existing are the names of all snapshots there are.
	Existing []string
}

// NameSnapshot gives the name of a new snapshot and the tiers that it fills:
// the periods of which it is the first good one, longest first. The name
// carries the longest of them, or hourly when it is first of none. One kept by
// hand fills no tier, so that the regular ones stay as regular as without it.
//
// Names have whole minutes. Where PlanB has a snapshot of that minute already,
// whatever its tier, the name gets the first free minute after it, so that two
// runs within a minute have names in the order in which they ran.
func NameSnapshot(n NewSnapshot) (name SnapshotName, tiers []string) {
	used := map[time.Time]bool{}
	for _, s := range n.Existing {
		used[ParseSnapshotName(s).Time] = true
	}
	at := n.At.UTC().Truncate(time.Minute)
	for used[at] {
		at = at.Add(time.Minute)
	}
	if n.Label != "" {
		return SnapshotName{Kind: KindKeep, Label: n.Label, Time: at}, nil
	}
	for _, p := range slices.Backward(periods) {
		if n.PreviousGood.IsZero() || p.key(at, n.Location) > p.key(n.PreviousGood, n.Location) {
			tiers = append(tiers, p.tier)
		}
	}
	tier := TierHourly
	if len(tiers) > 0 {
		tier = tiers[0]
	}
	return SnapshotName{Kind: KindTier, Tier: tier, Time: at}, tiers
}
