package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// LoadVerifyInput names the snapshot that is to be verified, and the run.
type LoadVerifyInput struct {
	Host ident.Host `json:"host"`
	// Snapshot is a name; empty means the newest good one.
	Snapshot   string    `json:"snapshot,omitempty"`
	Run        string    `json:"run"`
	WorkflowID string    `json:"workflow_id"`
	Trigger    string    `json:"trigger"`
	Started    time.Time `json:"started"`
}

// VerifyPlan is a host with the snapshot to verify.
type VerifyPlan struct {
	Plan     Plan   `json:"plan"`
	Snapshot string `json:"snapshot"`
}

// LoadVerify copies the record and the policy of a host, finds the snapshot, and
// enters the run in the catalog.
func (c *Control) LoadVerify(ctx context.Context, in LoadVerifyInput) (VerifyPlan, error) {
	hp, err := c.Catalog.HostPolicy(ctx, in.Host)
	if err != nil {
		return VerifyPlan{}, noHost("reading the host", err)
	}
	h := hp.Host
	snapshot := in.Snapshot
	if snapshot == "" {
		snapshot = h.LastGoodSnapshot
	}
	if snapshot == "" || !h.DatasetMade {
		return VerifyPlan{}, permanent(ErrTypeRefused, in.Host.String()+" has no good snapshot yet", "back it up first", nil)
	}
	_, jumpKeys, err := c.policyOf(ctx, in.Host)
	if err != nil {
		return VerifyPlan{}, err
	}
	err = c.Catalog.BeginRun(ctx, catalog.RunStart{
		ID: in.Run, WorkflowID: in.WorkflowID, HostID: h.ID, Host: in.Host,
		Kind: KindVerify, Trigger: in.Trigger, Started: in.Started,
	})
	if err != nil {
		return VerifyPlan{}, refused("entering the run", err)
	}
	return VerifyPlan{Snapshot: snapshot, Plan: Plan{
		Run: in.Run, WorkflowID: in.WorkflowID, Started: in.Started, HostID: h.ID, Host: in.Host,
		Server: h.Server, Storage: h.Storage, Dataset: h.Dataset,
		Transport: h.Transport, Address: h.Address, Module: h.Module, HostKeys: h.HostKeys, JumpHostKeys: jumpKeys,
		Policy: hp.Policy, Trigger: in.Trigger, LastGood: h.LastGood,
	}}, nil
}

// Evidence is a verification that came to an end.
type Evidence struct {
	Plan     Plan      `json:"plan"`
	Snapshot string    `json:"snapshot"`
	Sample   string    `json:"sample"`
	Finished time.Time `json:"finished"`
	Verified Verified  `json:"verified"`
}

// RecordEvidence keeps what a verification found out, for good.
func (c *Control) RecordEvidence(ctx context.Context, in Evidence) error {
	p, v, t := in.Plan, in.Verified, in.Verified.Tally
	record := catalog.Verification{
		Run: p.Run, Host: p.Host.String(), HostID: catalog.Text(p.HostID), Server: p.Server, Dataset: p.Dataset,
		Snapshot: in.Snapshot, Trigger: p.Trigger, Outcome: t.Outcome(), Summary: t.Summary(),
		Started: p.Started, Finished: in.Finished, RestoreSeconds: v.RestoreSeconds, Sample: in.Sample,
		Files: t.Files, Bytes: t.Bytes, ByHost: t.ByHost, ByChecksum: t.BySum, Compared: t.Compared,
		NotComparable: t.NotComparable, TooLarge: t.TooLarge, Mismatched: t.Mismatched, Attributes: t.Attributes,
		Canaries: t.Canaries, CanariesOK: t.CanariesOK, HostNotAsked: catalog.Text(v.HostNotAsked),
		WorkerVersion: v.WorkerVersion, Pool: v.Pool, PoolHealth: v.Room.Health,
	}
	for _, list := range []struct {
		into *json.RawMessage
		from any
	}{{&record.Findings, t.Findings}, {&record.Uncompared, t.Uncompared}, {&record.AttributeFiles, t.AttributeFiles}} {
		text, err := json.Marshal(list.from)
		if err != nil {
			return fmt.Errorf("keeping the evidence: %w", err)
		}
		*list.into = text
	}
	if s := v.Room.Scrub; s != nil {
		record.ScrubState, record.ScrubAt, record.DataErrors = catalog.Text(s.State), s.At, &s.DataErrors
		if s.At != nil {
			record.ScrubErrors = &s.Errors
		}
	}
	return refused("keeping the evidence", c.Catalog.RecordVerification(asActor(ctx), record))
}

// VerifyLanes are the hosts of one storage server that are to be verified now,
// the longest overdue first.
type VerifyLanes struct {
	Server string       `json:"server"`
	Hosts  []ident.Host `json:"hosts"`
	// Lanes is how many of them may be verified at a time.
	Lanes int `json:"lanes"`
}

const (
	// verifyLanes is how many verifications a storage server does at a time,
	// those that a person started included.
	verifyLanes = 2
	// leastAnHour is how many hosts are verified in an hour at least, where so
	// many are due.
	leastAnHour = 4
)

// DueVerifications gives the hosts whose turn it is in this hour. Where all are
// due at once, as after an upgrade, they are spread: an hour takes no more than
// twice what it has to.
func (c *Control) DueVerifications(ctx context.Context) ([]VerifyLanes, error) {
	work, err := c.Catalog.VerifyWork(ctx, c.Now())
	if err != nil {
		return nil, refused("looking whose backups are to be verified", err)
	}
	most := max(leastAnHour, int(math.Ceil(2*work.PerHour)))
	byServer := map[string]*VerifyLanes{}
	var out []VerifyLanes
	for _, d := range work.Due {
		free := verifyLanes - work.UnderWay[d.Host.Server]
		if free <= 0 || most == 0 {
			continue
		}
		most--
		l := byServer[d.Host.Server]
		if l == nil {
			l = &VerifyLanes{Server: d.Host.Server, Lanes: free}
			byServer[d.Host.Server] = l
		}
		l.Hosts = append(l.Hosts, d.Host.Ident())
	}
	for _, l := range byServer {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b VerifyLanes) int { return strings.Compare(a.Server, b.Server) })
	return out, nil
}
