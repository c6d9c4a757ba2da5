package policy

// The states of a run; those from StateOK to StatePartial are also the states
// of the snapshot that it took. They are stored, so they never change.
const (
	StateOK        = "ok"
	StateWarning   = "warning"   // data complete but for vanished or tolerated files
	StatePartial   = "partial"   // snapshot taken, some files missing
	StateFailed    = "failed"    // no snapshot
	StateSkipped   = "skipped"   // was not due, or another run was under way
	StateCancelled = "cancelled" // ended by a person
	StateWaiting   = "waiting"   // put off by a pre-check
	StateRunning   = "running"
	// StateSuspect marks a snapshot at which a guard tripped and about which
	// nobody has decided yet.
	StateSuspect = "suspect"
	// StateRejected marks a suspect snapshot that a person has decided against:
	// it never counts as good, and retention removes it like a partial one.
	StateRejected = "rejected"
)

// IsGood tells whether a snapshot in this state is one to restore from. The
// empty state is that of snapshots made before states were recorded.
func IsGood(state string) bool {
	return state == StateOK || state == StateWarning || state == ""
}

// IsFinal tells whether a run in this state has ended.
func IsFinal(state string) bool {
	switch state {
	case StateOK, StateWarning, StatePartial, StateFailed, StateSkipped, StateCancelled:
		return true
	}
	return false
}
