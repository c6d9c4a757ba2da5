package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"planb/internal/zfs"
)

// MeasuredUsage is what the dataset of a host takes on the pool, in bytes.
type MeasuredUsage struct {
	HostID     string `json:"host_id"`
	Used       int64  `json:"used"`
	Referenced int64  `json:"referenced"`
	// LogicalUsed is nil where this ZFS does not know it.
	LogicalUsed *int64    `json:"logical_used,omitempty"`
	Snapshots   int       `json:"snapshots"`
	At          time.Time `json:"at"`
}

// Usage asks the pool what the datasets of a batch of hosts take. One that is
// not there, though its storage is, takes nothing and is left out; a storage that
// is not there is an error that may pass.
func (s *Storage) Usage(ctx context.Context, hosts []UsageHost) ([]MeasuredUsage, error) {
	var out []MeasuredUsage
	for _, h := range hosts {
		m, err := s.usage(ctx, h)
		if errors.Is(err, zfs.ErrNotExist) {
			if _, err := s.ZFS.Dataset(ctx, h.Storage); err != nil {
				return nil, later(ErrTypeStorage, "the storage "+h.Storage+" is not there", 0, err)
			}
			s.Log.Warn("a host with data has no dataset: it is not billed", "host", h.ID, "dataset", h.Dataset)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", h.Dataset, err)
		}
		out = append(out, m)
	}
	return out, nil
}

func (s *Storage) usage(ctx context.Context, h UsageHost) (MeasuredUsage, error) {
	d, err := s.ZFS.Dataset(ctx, h.Dataset)
	if err != nil {
		return MeasuredUsage{}, err
	}
	if d.Used < 0 || d.Referenced < 0 {
		return MeasuredUsage{}, errors.New("this ZFS does not tell sizes")
	}
	snaps, err := s.ZFS.Snapshots(ctx, h.Dataset)
	if err != nil {
		return MeasuredUsage{}, err
	}
	m := MeasuredUsage{HostID: h.ID, Used: d.Used, Referenced: d.Referenced, Snapshots: len(snaps), At: s.Now()}
	if d.LogicalUsed >= 0 {
		m.LogicalUsed = &d.LogicalUsed
	}
	return m, nil
}
