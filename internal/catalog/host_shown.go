package catalog

import (
	"context"
	"time"

	"planb/internal/ident"
	"planb/internal/policy"
)

// HostShown is a host as lists have it, with the rest of its record and its
// policy.
type HostShown struct {
	HostOverview
	Transport        string   `json:"transport"`
	Module           Text     `json:"module"`
	DatasetMade      bool     `json:"dataset_made"`
	HostKeys         []string `json:"host_keys"`
	Notes            string   `json:"notes"`
	LastGoodSnapshot Text     `json:"last_good_snapshot"`
	// LastProvenSnapshot is that of LastProven.
	LastProvenSnapshot Text             `json:"last_proven_snapshot"`
	MeasuredAt         *time.Time       `json:"measured_at"`
	CreatedAt          time.Time        `json:"created_at"`
	UpdatedAt          time.Time        `json:"updated_at"`
	Policy             policy.Effective `json:"policy"`
}

// HostShown gives all there is to show about a host.
func (s *Store) HostShown(ctx context.Context, host ident.Host, now time.Time) (HostShown, error) {
	hp, err := s.HostPolicy(ctx, host)
	if err != nil {
		return HostShown{}, err
	}
	o, err := s.HostOverview(ctx, host, now)
	h := hp.Host
	return HostShown{
		HostOverview: o, Transport: h.Transport, Module: Text(h.Module), DatasetMade: h.DatasetMade,
		HostKeys: h.HostKeys, Notes: h.Notes, LastGoodSnapshot: Text(h.LastGoodSnapshot), LastProvenSnapshot: Text(h.LastProvenSnapshot),
		MeasuredAt: h.MeasuredAt, CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt, Policy: hp.Policy,
	}, err
}

// Record is the host's record, without its id, which is for nobody else.
func (h HostShown) Record() Host {
	return Host{
		Group: h.Group, Name: h.HostOverview.Name, Address: h.Address, Transport: h.Transport, Module: string(h.Module),
		Enabled: h.Enabled, DisabledReason: string(h.DisabledReason), Server: string(h.Server), Storage: string(h.Storage),
		Dataset: string(h.Dataset), DatasetMade: h.DatasetMade, HostKeys: h.HostKeys, Notes: h.Notes, Tags: h.Tags,
		UsedBytes: h.UsedBytes, ReferencedBytes: h.ReferencedBytes, SnapshotCount: h.Snapshots, MeasuredAt: h.MeasuredAt,
		LastGood: h.LastGood, LastGoodSnapshot: string(h.LastGoodSnapshot),
		LastProven: h.LastProven, LastProvenSnapshot: string(h.LastProvenSnapshot),
		LastVerify: h.LastVerify, LastVerifyState: string(h.LastVerifyState), CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt,
	}
}
