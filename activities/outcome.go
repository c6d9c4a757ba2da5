package activities

import (
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/rsync"
)

// Outcome is what a run came to, as far as it got. It is the result of the
// workflows that make runs, and what Record writes.
type Outcome struct {
	Run        string     `json:"run"`
	WorkflowID string     `json:"workflow_id"`
	Started    time.Time  `json:"started"`
	HostID     string     `json:"host_id,omitempty"`
	Host       ident.Host `json:"host"`
	// Server owns the dataset.
	Server  string `json:"server,omitempty"`
	Kind    string `json:"kind"`
	Trigger string `json:"trigger"`
	State   string `json:"state"`
	// Message says in a sentence how it ended; Remedy what to do about it.
	Message string `json:"message,omitempty"`
	Remedy  string `json:"remedy,omitempty"`

	Snapshot string     `json:"snapshot,omitempty"`
	Dataset  string     `json:"dataset,omitempty"`
	Pull     PullResult `json:"pull"`
	// Restored is what a restore came to.
	Restored *rsync.RestoreCounts `json:"restored,omitempty"`
	// Counts are those since the last good backup, for the next one's guards.
	Counts *policy.Counts `json:"counts,omitempty"`
	// Guards are those that found the snapshot suspect.
	Guards []policy.Tripped `json:"guards,omitempty"`
	// Held is the last good snapshot, held because this one is suspect.
	Held   string `json:"held,omitempty"`
	Pruned int    `json:"pruned"`
	// Verified is nil for a run that verified nothing.
	Verified *Verified `json:"verified,omitempty"`
	// Measured is nil where the run did not get that far.
	Measured *Measured `json:"measured,omitempty"`
}

// Good says whether the run made a snapshot that a host can be restored from.
func (o Outcome) Good() bool {
	return (o.State == policy.StateOK || o.State == policy.StateWarning) && len(o.Guards) == 0
}

// brief is the outcome without the list of snapshots, which has a table of its
// own in the catalog.
func (o Outcome) brief() Outcome {
	if o.Measured != nil {
		m := *o.Measured
		m.Snapshots, m.SnapshotCount = nil, len(m.Snapshots)
		o.Measured = &m
	}
	return o
}

func (o Outcome) snapshots() []MeasuredSnapshot {
	if o.Measured == nil {
		return nil
	}
	return o.Measured.Snapshots
}

// Kinds of runs, as the catalog knows them.
const (
	KindBackup  = catalog.KindBackup
	KindRestore = catalog.KindRestore
	KindPrune   = catalog.KindPrune
	KindRename  = catalog.KindRename
	KindDelete  = catalog.KindDelete
	KindVerify  = catalog.KindVerify
)
