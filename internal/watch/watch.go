// Package watch judges what hosts stand on: how storages and the workers of
// their servers are, and what of it is told to people.
package watch

import (
	"fmt"
	"time"

	"planb/internal/catalog"
)

// Limits are the thresholds.
type Limits struct {
	// FreeWarn and FreeStop are the percentages of free room below which little
	// is left, and below which backups are put off.
	FreeWarn, FreeStop int
	// ScrubAge is how old the last scrub of a pool may be.
	ScrubAge time.Duration
	// Filling is how long before a storage will be full it is told.
	Filling time.Duration
	// Patience is how long what may pass by itself has to last.
	Patience time.Duration
}

// What little room, or a storage that fills, has to be better by until it is
// over, so that what is at the edge is not told again and again.
const (
	roomBetter    = 2 // percentage points
	fillingBetter = 7 * 24 * time.Hour
)

// DefaultLimits are those that nobody sets, with the percentages that backups
// are put off by.
func DefaultLimits(freeWarn, freeStop int) Limits {
	return Limits{
		FreeWarn: freeWarn, FreeStop: freeStop,
		// Debian scrubs once a month.
		ScrubAge: 40 * 24 * time.Hour,
		Filling:  30 * 24 * time.Hour,
		// Two looks.
		Patience: 4 * time.Minute,
	}
}

// Missing is the health of a storage that is not there.
const Missing = "MISSING"

// Storage judges a storage. open says which kinds are on record of it.
func Storage(s catalog.StorageRoom, open func(kind string) bool, l Limits, now time.Time) []catalog.FleetFinding {
	name := s.Server + ":" + s.Dataset
	var found []catalog.FleetFinding
	add := func(patience time.Duration, kind, severity, title, cause, remedy string) {
		found = append(found, catalog.FleetFinding{
			About: catalog.AboutStorage, Subject: name, Patience: patience,
			Finding: catalog.Finding{Kind: kind, Severity: severity, Title: name + ": " + title, Cause: cause, Remedy: remedy, Since: now},
		})
	}
	if s.Health == Missing {
		add(l.Patience, catalog.NoticeDegraded, catalog.SeverityCritical, "the storage is not there",
			"Its pool is not imported, its dataset is gone, or zfs does not answer; no host on it is backed up.",
			"see `zpool status` and `zpool import` on "+s.Server+"; a storage that is given up: `planb storage rm "+name+"`")
		return found
	}
	switch s.Health {
	case "ONLINE", "":
	case "DEGRADED":
		add(0, catalog.NoticeDegraded, catalog.SeverityError, "the pool is degraded",
			"A disk is missing or broken; the next one to fail may take the backups with it.", "replace the disk: `zpool status` on "+s.Server)
	default:
		add(0, catalog.NoticeDegraded, catalog.SeverityCritical, "the pool is "+s.Health,
			"Backups to it do not work.", "see `zpool status` on "+s.Server)
	}
	if lost, scrub := count(s.DataErrors), count(s.ScrubErrors); lost > 0 || scrub > 0 {
		add(0, catalog.NoticeErrors, catalog.SeverityCritical, "the pool has errors",
			fmt.Sprintf("It knows of %d errors in its data; the last scrub found %d.", lost, scrub),
			"see which files: `zpool status -v` on "+s.Server)
	}
	if cause, patience := unscrubbed(s, l, now); cause != "" {
		add(patience, catalog.NoticeUnscrubbed, catalog.SeverityWarning, "the pool was not scrubbed for long", cause, "run `zpool scrub` on "+s.Server+", every month")
	}
	if free, severity := room(s, open(catalog.NoticeRoom), l); severity != "" {
		add(0, catalog.NoticeRoom, severity, "little room is left",
			fmt.Sprintf("%.0f %% is free; below %d %% backups are put off.", free, l.FreeStop), "remove snapshots or hosts, or add disks")
	} else if s.FullAt != nil && s.FullAt.Before(now.Add(l.Filling+when(open(catalog.NoticeFilling), fillingBetter))) {
		add(0, catalog.NoticeFilling, catalog.SeverityWarning, "the storage will be full soon",
			"As it fills now it is full on "+s.FullAt.UTC().Format(time.DateOnly)+".", "add disks, or keep fewer snapshots")
	}
	return found
}

// unscrubbed says why the pool of a storage should be scrubbed. How old a pool
// without any scrub is nobody knows, so that is watched for as long.
func unscrubbed(s catalog.StorageRoom, l Limits, now time.Time) (cause string, patience time.Duration) {
	switch {
	case s.ScrubState == "running" || s.ScrubState == "resilver" || s.ScrubState == "":
		return "", 0
	case s.ScrubAt != nil && now.Sub(*s.ScrubAt) > l.ScrubAge:
		return "The last scrub was done on " + s.ScrubAt.UTC().Format(time.DateOnly) + ".", 0
	case s.ScrubAt == nil:
		return "No scrub of it is known.", l.ScrubAge
	}
	return "", 0
}

// room gives the percentage that is free, and how bad that is; empty when it is
// not.
func room(s catalog.StorageRoom, open bool, l Limits) (free float64, severity string) {
	if s.FreeBytes == nil || s.SizeBytes == nil || *s.SizeBytes <= 0 {
		return 0, ""
	}
	free = 100 * float64(*s.FreeBytes) / float64(*s.SizeBytes)
	switch {
	case free < float64(l.FreeStop):
		return free, catalog.SeverityError
	case free < float64(l.FreeWarn), open && free < float64(l.FreeWarn+roomBetter):
		return free, catalog.SeverityWarning
	}
	return free, ""
}

// Silent is the worker of a storage server that does not answer.
func Silent(server string, l Limits, now time.Time) catalog.FleetFinding {
	return catalog.FleetFinding{
		About: catalog.AboutWorker, Subject: server, Patience: l.Patience,
		Finding: catalog.Finding{
			Kind: catalog.NoticeSilent, Severity: catalog.SeverityCritical, Title: "the worker of " + server + " does not answer",
			Cause:  "Nothing is backed up, restored or pruned there meanwhile.",
			Remedy: "see whether `planb worker` runs on " + server + " and reaches Temporal, and that zfs there does not hang: `planb doctor`", Since: now,
		},
	}
}

func when(yes bool, d time.Duration) time.Duration {
	if yes {
		return d
	}
	return 0
}

func count(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
