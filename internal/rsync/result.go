package rsync

import (
	"time"
)

// State says what a pull is worth; the words are those of a run.
type State string

// The states of a pull.
const (
	// OK is complete.
	OK State = "ok"
	// Warning is complete but for files that vanished or are tolerated.
	Warning State = "warning"
	// Partial has files missing or deletions undone; worth a snapshot, never
	// the last good one.
	Partial State = "partial"
	// Failed is not worth a snapshot.
	Failed State = "failed"
	// Cancelled was ended by the caller.
	Cancelled State = "cancelled"
)

// Type says what kind of end it was; the texts are stable, for use as the type
// of an error.
type Type string

// The types of an end.
const (
	TypeOK          Type = "ok"
	TypeVanished    Type = "vanished"
	TypePartial     Type = "partial"
	TypeGuard       Type = "guard"
	TypeCancelled   Type = "cancelled"
	TypeStalled     Type = "stalled"
	TypeNetwork     Type = "network"
	TypeUnreachable Type = "unreachable"
	TypeHostKey     Type = "host-key"
	TypeAuth        Type = "auth"
	TypeNoSpace     Type = "no-space"
	TypeNoRsync     Type = "no-rsync"
	TypeShell       Type = "unclean-shell"
	TypeSudo        Type = "sudo"
	TypeModule      Type = "daemon"
	TypeUsage       Type = "usage"
	TypeRefused     Type = "refused"
	TypeFiles       Type = "files"
	TypeIO          Type = "io"
	TypeKilled      Type = "killed"
	TypeInternal    Type = "internal"
)

// FileError is a file that rsync could not take, with the reason.
type FileError struct {
	// Path is absolute on the host.
	Path string `json:"path"`
	// Reason is the system's text, "Permission denied".
	Reason string `json:"reason"`
	// Tolerated says that the host's settings expect it.
	Tolerated bool `json:"tolerated,omitempty"`
}

// MaxListed is how many vanished and failed files a Result names; the counts
// go on, and the log has them all.
const MaxListed = 200

// Result is how a pull or a copy ended.
type Result struct {
	State State `json:"state"`
	Type  Type  `json:"type"`
	// Retry says that the same again may succeed without anybody's help.
	Retry bool `json:"retry"`
	// Message is one sentence about what happened; empty when all is well.
	Message string `json:"message"`
	// Remedy is what to do about it, when a person has to.
	Remedy string `json:"remedy,omitempty"`
	// Code is rsync's exit code, -1 when a signal ended it.
	Code int `json:"code"`
	// Stats is nil when rsync ended before it told them.
	Stats *Stats `json:"stats,omitempty"`
	// Changes are there however rsync ended.
	Changes Changes `json:"changes"`
	// Progress is the last one.
	Progress Progress `json:"progress"`

	Vanished      []string    `json:"vanished,omitempty"`
	VanishedCount int         `json:"vanished_count"`
	Failed        []FileError `json:"failed,omitempty"`
	FailedCount   int         `json:"failed_count"`
	// ToleratedCount is how many of FailedCount are tolerated.
	ToleratedCount int `json:"tolerated_count"`
	// DeletesSkipped says that files gone from the host are still there,
	// because reading the host had errors or the guard stopped the deletions.
	DeletesSkipped bool `json:"deletes_skipped"`
	// Tail is the last lines that rsync and ssh wrote on standard error.
	Tail []string `json:"tail,omitempty"`

	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration"`
}

// Warnings counts what a person may want to look at.
func (r Result) Warnings() int {
	n := r.VanishedCount + r.FailedCount
	if r.DeletesSkipped {
		n++
	}
	return n
}
