package policy

import "fmt"

// Counts are what a backup consists of and what it did.
type Counts struct {
	// Files is the number of regular files, Bytes the sum of their sizes.
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	// Changed is the number of files that were there before and were transferred
	// again, Deleted that of files which went away. New files are not counted:
	// a host that grows is no reason to worry, and what replaces files by others
	// shows in Deleted.
	Changed int64 `json:"changed"`
	Deleted int64 `json:"deleted"`
	// Created is the number of files that were not there before.
	Created int64 `json:"created,omitempty"`
	// Leftovers says that files are still there which went away, since MaxDelete
	// stopped their deletion. Once such a backup is accepted, the next one may
	// delete them all.
	Leftovers bool `json:"leftovers,omitempty"`
}

// Since gives c as measured from the last good backup, earlier being what was
// measured so at the backup in between, nil without one: a partial or suspect
// one, whose changes a transfer does not see a second time.
//
// Files that were deleted count until as many are created later on, changed
// ones until somebody accepts them: that they changed back cannot be seen.
func (c Counts) Since(earlier *Counts) Counts {
	if earlier != nil {
		c.Changed = max(c.Changed, earlier.Changed)
		c.Deleted += max(0, earlier.Deleted-c.Created)
	}
	return c
}

// The names of the guards.
const (
	GuardEmpty  = "empty"
	GuardShrink = "shrink"
	GuardChange = "change"
	GuardDelete = "delete"
)

// A Tripped guard is one that found a backup suspect.
type Tripped struct {
	// Guard is the name of the guard.
	Guard string `json:"guard"`
	// Reason is a sentence for people.
	Reason string `json:"reason"`
}

// Below these sizes of the previous backup, shares mean nothing: on a host with
// ten files, a tenth of them is one file.
const (
	guardMinFiles = 100
	guardMinBytes = 1 << 30
)

// Guard compares a backup with the previous good one, nil when there is none,
// and gives the guards that it trips. A backup without a single file always
// trips one. Shares of files are compared only where the previous backup had at
// least 100 files, the size only where it had those or at least 1 GiB.
func (e Effective) Guard(previous *Counts, current Counts) []Tripped {
	var tripped []Tripped
	trip := func(guard, format string, args ...any) {
		tripped = append(tripped, Tripped{Guard: guard, Reason: fmt.Sprintf(format, args...)})
	}
	if current.Files == 0 {
		if previous == nil {
			trip(GuardEmpty, "The first backup holds no files: check which paths are included and whether the login may read them.")
		} else {
			trip(GuardEmpty, "The backup holds no files, the one before held %d.", previous.Files)
		}
		return tripped
	}
	if previous == nil {
		return nil
	}
	large := previous.Files >= guardMinFiles
	over := func(part, whole int64, limit Value[int]) (percent int, tripped bool) {
		if limit.Value <= 0 || whole <= 0 {
			return 0, false
		}
		return int(float64(part) / float64(whole) * 100), float64(part)*100 > float64(whole)*float64(limit.Value)
	}
	if percent, ok := over(previous.Files-current.Files, previous.Files, e.GuardShrink); ok && large {
		trip(GuardShrink, "The number of files shrank by %d %%, from %d to %d; the limit is %d %%.",
			percent, previous.Files, current.Files, e.GuardShrink.Value)
	} else if percent, ok := over(previous.Bytes-current.Bytes, previous.Bytes, e.GuardShrink); ok && (large || previous.Bytes >= guardMinBytes) {
		trip(GuardShrink, "The size shrank by %d %%, from %d to %d bytes; the limit is %d %%.",
			percent, previous.Bytes, current.Bytes, e.GuardShrink.Value)
	}
	if percent, ok := over(current.Changed, previous.Files, e.GuardChange); ok && large {
		trip(GuardChange, "%d %% of the files changed, %d of %d; the limit is %d %%.",
			percent, current.Changed, previous.Files, e.GuardChange.Value)
	}
	if percent, ok := over(current.Deleted, previous.Files, e.GuardDelete); ok && large && !previous.Leftovers {
		trip(GuardDelete, "%d %% of the files were deleted, %d of %d; the limit is %d %%.",
			percent, current.Deleted, previous.Files, e.GuardDelete.Value)
	}
	return tripped
}

// MaxDelete gives the most deletions that the guard lets a transfer make, for
// rsync's --max-delete. It tells false when there is no limit: the guard is
// off, or the previous good backup had too few files for one, or it was
// accepted with leftovers to be deleted.
func (e Effective) MaxDelete(previous *Counts) (int64, bool) {
	if previous == nil || previous.Leftovers || previous.Files < guardMinFiles || e.GuardDelete.Value <= 0 || e.GuardDelete.Value >= 100 {
		return 0, false
	}
	return previous.Files * int64(e.GuardDelete.Value) / 100, true
}
