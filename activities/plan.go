package activities

import (
	"time"

	"planb/internal/ident"
	"planb/internal/policy"
)

// Plan is the copy of a host's record and effective policy that one run works
// on from start to end. It is a payload of Temporal: fields are only ever
// added, and none holds a secret.
type Plan struct {
	Run        string    `json:"run"`
	WorkflowID string    `json:"workflow_id"`
	Started    time.Time `json:"started"`

	HostID string     `json:"host_id"`
	Host   ident.Host `json:"host"`
	// Server owns the dataset; Storage is its parent dataset.
	Server  string `json:"server"`
	Storage string `json:"storage"`
	Dataset string `json:"dataset"`
	// Transport is ssh or rsyncd; Module names the rsync daemon's module.
	Transport string `json:"transport"`
	Address   string `json:"address"`
	Module    string `json:"module,omitempty"`
	// HostKeys are the pinned public keys; none before the first contact.
	HostKeys     []string `json:"host_keys,omitempty"`
	JumpHostKeys []string `json:"jump_host_keys,omitempty"`

	Policy policy.Effective `json:"policy"`

	// Trigger is schedule or manual.
	Trigger string `json:"trigger"`
	// Keep is the label of a snapshot asked for by hand.
	Keep string `json:"keep,omitempty"`
	// LastGood is the newest good snapshot that the catalog knows of.
	LastGood *time.Time `json:"last_good,omitempty"`
	// Previous is what the backup of the last good snapshot counted, Since what
	// the newest one after it counted since then; nil when not known.
	Previous *policy.Counts `json:"previous,omitempty"`
	Since    *policy.Counts `json:"since,omitempty"`
}

// Triggers of a run.
const (
	TriggerSchedule = "schedule"
	TriggerManual   = "manual"
)
