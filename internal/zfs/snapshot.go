package zfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Snapshot is one snapshot of a dataset. Sizes are bytes; -1 where this ZFS
// does not tell.
type Snapshot struct {
	Dataset, Name string
	Created       time.Time
	Used          int64 // what destroying it alone would free
	Referenced    int64
	Written       int64 // against the snapshot before it
	Holds         int
	// GUID is ZFS's own number of it, which a rename, and a send to another
	// pool, does not change.
	GUID string
	// Props are the planb: properties set on it itself, not those of its dataset.
	Props map[string]string
}

func (r *record) snapshot() (Snapshot, error) {
	dataset, name, _ := strings.Cut(r.name, "@")
	s := Snapshot{Dataset: dataset, Name: name, GUID: r.text("guid"), Props: r.own()}
	var holds int64
	err := r.sizes(map[string]*int64{
		"used": &s.Used, "referenced": &s.Referenced, "written": &s.Written, "userrefs": &holds,
	})
	if err != nil {
		return Snapshot{}, err
	}
	s.Holds = max(0, int(holds))
	s.Created, err = r.created()
	return s, err
}

// Snapshots lists the snapshots of a dataset, oldest first. Errors: ErrNotExist.
func (c *Client) Snapshots(ctx context.Context, dataset string) ([]Snapshot, error) {
	if err := checkDataset(dataset); err != nil {
		return nil, err
	}
	records, err := c.get(ctx, snapshotProps, true, dataset)
	if err != nil {
		return nil, about(dataset, err)
	}
	list := []Snapshot{}
	for _, r := range records {
		if !strings.HasPrefix(r.name, dataset+"@") {
			continue // the dataset itself, its children and bookmarks
		}
		s, err := r.snapshot()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	// Times are whole seconds; within one, zfs's own order is that of creation.
	slices.SortStableFunc(list, func(a, b Snapshot) int { return a.Created.Compare(b.Created) })
	return list, nil
}

// Snapshot tells about one snapshot. Errors: ErrNotExist.
func (c *Client) Snapshot(ctx context.Context, dataset, name string) (Snapshot, error) {
	if err := checkSnapshot(dataset, name); err != nil {
		return Snapshot{}, err
	}
	full := dataset + "@" + name
	list, err := c.get(ctx, snapshotProps, false, full)
	if err != nil {
		return Snapshot{}, about(full, err)
	}
	if len(list) != 1 {
		return Snapshot{}, fmt.Errorf("zfs get told of %d snapshots named %s", len(list), full)
	}
	return list[0].snapshot()
}

// TakeSnapshot takes a snapshot that carries props from its first moment on.
// One of that name that exists is returned, created false: whether it is of the
// same run is for the caller to see in Props[PropRun]. Errors: ErrNotExist,
// ErrNoSpace.
func (c *Client) TakeSnapshot(ctx context.Context, dataset, name string, props map[string]string) (s Snapshot, created bool, err error) {
	if err := checkSnapshot(dataset, name); err != nil {
		return Snapshot{}, false, err
	}
	if err := checkProps(props); err != nil {
		return Snapshot{}, false, err
	}
	args := append([]string{"snapshot"}, propArgs(props)...)
	_, err = c.zfs(ctx, append(args, dataset+"@"+name)...)
	if err != nil && !errors.Is(err, ErrExists) {
		return Snapshot{}, false, about(dataset, err)
	}
	created = err == nil
	s, err = c.Snapshot(ctx, dataset, name)
	return s, created, err
}

// Hold keeps a snapshot from being destroyed by anyone until Release with the
// same tag, and notes why in its property planb:hold-reason (empty leaves that
// as it is). Holding twice is holding once. Errors: ErrNotExist.
func (c *Client) Hold(ctx context.Context, dataset, name, tag, reason string) error {
	if err := checkHold(dataset, name, tag); err != nil {
		return err
	}
	full := dataset + "@" + name
	if reason != "" {
		if err := c.SetProps(ctx, full, map[string]string{PropHoldReason: reason}); err != nil {
			return err
		}
	}
	_, err := c.zfs(ctx, "hold", tag, full)
	if errors.Is(err, errTagThere) {
		return nil
	}
	return about(full, err)
}

// Release takes back a Hold; none with that tag is a success. When nothing
// holds the snapshot any more, its planb:hold-reason and planb:hold-until go
// too. Errors: ErrNotExist.
func (c *Client) Release(ctx context.Context, dataset, name, tag string) error {
	if err := checkHold(dataset, name, tag); err != nil {
		return err
	}
	full := dataset + "@" + name
	if _, err := c.zfs(ctx, "release", tag, full); err != nil && !errors.Is(err, errTagMissing) {
		return about(full, err)
	}
	s, err := c.Snapshot(ctx, dataset, name)
	if err != nil || s.Holds > 0 {
		return err
	}
	gone := map[string]string{}
	for _, p := range []string{PropHoldReason, PropHoldUntil} {
		if _, set := s.Props[p]; set {
			gone[p] = ""
		}
	}
	return c.SetProps(ctx, full, gone)
}

func checkHold(dataset, name, tag string) error {
	if !holdTag.MatchString(tag) {
		return fmt.Errorf("%q is not a hold tag: use letters, digits, '_', '-', '.' and ':'", tag)
	}
	return checkSnapshot(dataset, name)
}
