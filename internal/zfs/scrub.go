package zfs

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The states of a scrub, which reads everything in a pool and holds it against
// its checksums.
const (
	ScrubNever    = "never"    // none since the pool was made; zfs-fuse forgets them with an import
	ScrubDone     = "done"     // the last one read everything
	ScrubRunning  = "running"  // one is under way, or paused
	ScrubStopped  = "stopped"  // the last one was ended before it was through
	ScrubResilver = "resilver" // a disk was rebuilt since, which hides the last one
	ScrubUnknown  = "unknown"  // zpool said something that is not understood
)

// Scrub is what a pool knows of its integrity.
type Scrub struct {
	// State is one of the Scrub constants.
	State string `json:"state"`
	// At is when the last scrub ended; nil unless it is done.
	At *time.Time `json:"at,omitempty"`
	// Errors is what it found; of another state it says nothing.
	Errors int64 `json:"errors,omitempty"`
	// DataErrors is how many files or blocks the pool knows to be lost now.
	DataErrors int64 `json:"data_errors,omitempty"`
}

// Scrub tells about the last scrub of a pool. Errors: ErrNotExist.
func (c *Client) Scrub(ctx context.Context, pool string) (Scrub, error) {
	if err := checkDataset(pool); err != nil || parentOf(pool) != "" {
		return Scrub{}, fmt.Errorf("%q is not the name of a ZFS pool", pool)
	}
	out, err := c.run(ctx, c.zpoolPath, []string{"status", pool})
	if err != nil {
		return Scrub{}, about(pool, err)
	}
	return parseScrub(out), nil
}

var (
	// scrubLine is "  scan: …" of OpenZFS, " scrub: …" of zfs-fuse.
	scrubLine = regexp.MustCompile(`(?m)^ *(?:scan|scrub): (.*)$`)
	// scrubEnd ends the line of a scrub or resilver that is over.
	scrubEnd   = regexp.MustCompile(` with ([0-9]+) errors on (.+)$`)
	errorsLine = regexp.MustCompile(`(?m)^errors: ([0-9]+) data errors`)
)

// parseScrub reads what zpool status says, whose wording has changed over the
// years. What it does not understand is ScrubUnknown: no scrub is believed in
// that is not told of in plain words.
func parseScrub(status string) Scrub {
	s := Scrub{State: ScrubUnknown}
	if m := errorsLine.FindStringSubmatch(status); m != nil {
		s.DataErrors, _ = strconv.ParseInt(m[1], 10, 64)
	}
	m := scrubLine.FindStringSubmatch(status)
	if m == nil {
		// A pool that was never scrubbed has no such line on OpenZFS.
		if strings.Contains(status, "\nerrors: ") {
			s.State = ScrubNever
		}
		return s
	}
	line := strings.TrimSpace(m[1])
	switch {
	case line == "none requested":
		s.State = ScrubNever
	case strings.HasPrefix(line, "resilver"):
		s.State = ScrubResilver
	case strings.HasPrefix(line, "scrub in progress"), strings.HasPrefix(line, "scrub paused"):
		s.State = ScrubRunning
	case strings.HasPrefix(line, "scrub canceled"), strings.HasPrefix(line, "scrub stopped"):
		s.State = ScrubStopped
	case strings.HasPrefix(line, "scrub repaired"), strings.HasPrefix(line, "scrub completed"):
		end := scrubEnd.FindStringSubmatch(line)
		if end == nil {
			return s
		}
		at, err := time.ParseInLocation(time.ANSIC, end[2], time.UTC)
		if err != nil {
			return s
		}
		s.State, s.At = ScrubDone, &at
		s.Errors, _ = strconv.ParseInt(end[1], 10, 64)
	}
	return s
}
