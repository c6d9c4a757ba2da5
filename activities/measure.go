package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"planb/internal/zfs"
)

// Measured is what a host's dataset takes on the pool, in bytes, and the
// snapshots in it. Snapshots of hundreds of bytes each make a payload of some
// tens of kilobytes at most.
type Measured struct {
	Used       int64     `json:"used"`
	Referenced int64     `json:"referenced"`
	At         time.Time `json:"at"`
	// Asked is when the question began, by Temporal's clock: the order in which
	// answers are told, whatever this server's clock does.
	Asked     time.Time          `json:"asked,omitzero"`
	Snapshots []MeasuredSnapshot `json:"snapshots"`
	// SnapshotCount stands for the list in the detail of a recorded run.
	SnapshotCount int `json:"snapshot_count,omitempty"`
	// Room is that of the storage that the dataset is on.
	Room StorageRoom `json:"room"`
}

// MeasuredSnapshot is one snapshot as the pool describes it.
type MeasuredSnapshot struct {
	Name       string    `json:"name"`
	Created    time.Time `json:"created"`
	State      string    `json:"state,omitempty"`
	Tiers      []string  `json:"tiers,omitempty"`
	Used       int64     `json:"used"`
	Referenced int64     `json:"referenced"`
	Holds      int       `json:"holds,omitempty"`
	HoldReason string    `json:"hold_reason,omitempty"`
	// HoldUntil is nil for a hold that does not end by itself.
	HoldUntil *time.Time `json:"hold_until,omitempty"`
	Run       string     `json:"run,omitempty"`
}

// Measure asks the pool what the host's dataset takes.
func (s *Storage) Measure(ctx context.Context, p Plan) (Measured, error) {
	d, err := s.ZFS.Dataset(ctx, p.Dataset)
	if err != nil {
		return Measured{}, fmt.Errorf("measuring %s: %w", p.Dataset, err)
	}
	snaps, err := s.snapshots(ctx, p.Dataset)
	if err != nil {
		return Measured{}, err
	}
	out := Measured{Used: d.Used, Referenced: d.Referenced, At: s.Now(), Asked: activity.GetInfo(ctx).StartedTime}
	for _, snap := range snaps {
		out.Snapshots = append(out.Snapshots, measured(snap))
	}
	out.Room, err = s.storageRoom(ctx, p.Storage)
	return out, err
}

func measured(snap zfs.Snapshot) MeasuredSnapshot {
	m := MeasuredSnapshot{
		Name: snap.Name, Created: snap.Created, State: snap.Props[zfs.PropState],
		Used: snap.Used, Referenced: snap.Referenced,
		Holds: snap.Holds, HoldReason: snap.Props[zfs.PropHoldReason], Run: snap.Props[zfs.PropRun],
	}
	if until, ok := holdUntil(snap); ok {
		m.HoldUntil = &until
	}
	if tiers := snap.Props[zfs.PropTiers]; tiers != "" {
		m.Tiers = strings.Split(tiers, ",")
	}
	return m
}

// StorageRoom is how full a storage is, in bytes.
type StorageRoom struct {
	Dataset string `json:"dataset"`
	Used    int64  `json:"used"`
	Free    int64  `json:"free"`
	// Health is that of its pool: ONLINE, DEGRADED, …
	Health string `json:"health"`
	// Scrub is nil where the pool did not tell.
	Scrub *zfs.Scrub `json:"scrub,omitempty"`
}

func (s *Storage) storageRoom(ctx context.Context, parent string) (StorageRoom, error) {
	room, err := s.ZFS.Room(ctx, parent)
	if err != nil {
		return StorageRoom{}, fmt.Errorf("looking how full %s is: %w", parent, err)
	}
	name, _, _ := strings.Cut(parent, "/")
	pool, err := s.ZFS.Pool(ctx, name)
	if err != nil {
		return StorageRoom{}, fmt.Errorf("looking at the pool of %s: %w", parent, err)
	}
	out := StorageRoom{Dataset: parent, Used: room.Used, Free: room.Available, Health: pool.Health}
	if scrub, err := s.ZFS.Scrub(ctx, name); err == nil {
		out.Scrub = &scrub
	} else {
		s.Log.Warn("the state of the last scrub is not known", "pool", name, "error", err)
	}
	return out, nil
}
