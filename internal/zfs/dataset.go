package zfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Dataset is one ZFS filesystem. Sizes are bytes; -1 where this ZFS does not
// tell (zfs-fuse knows neither Written nor LogicalUsed).
type Dataset struct {
	Name       string
	Mountpoint string // "none" and "legacy" as ZFS has them
	Mounted    bool
	Origin     string // the snapshot that it is a clone of, else empty
	Used       int64  // with snapshots and children
	Referenced int64
	Available  int64
	Written    int64 // since the newest snapshot
	// LogicalUsed is Used before compression.
	LogicalUsed int64
	Created     time.Time
	// GUID is ZFS's own number of it, which a rename does not change.
	GUID string
	// Props are the planb: properties set on it itself. Those that it inherits
	// from its parent are not here, so that ownership can rest on them.
	Props map[string]string
}

func (r *record) dataset() (Dataset, error) {
	d := Dataset{
		Name: r.name, Mountpoint: r.values["mountpoint"].text, Mounted: r.values["mounted"].text == "yes",
		GUID: r.text("guid"), Props: r.own(),
	}
	if o := r.values["origin"].text; o != "-" {
		d.Origin = o
	}
	err := r.sizes(map[string]*int64{
		"used": &d.Used, "referenced": &d.Referenced, "available": &d.Available,
		"written": &d.Written, "logicalused": &d.LogicalUsed,
	})
	if err != nil {
		return Dataset{}, err
	}
	d.Created, err = r.created()
	return d, err
}

// Dataset tells about one filesystem. Errors: ErrNotExist.
func (c *Client) Dataset(ctx context.Context, name string) (Dataset, error) {
	if err := checkDataset(name); err != nil {
		return Dataset{}, err
	}
	list, err := c.get(ctx, datasetProps, false, name)
	if err != nil {
		return Dataset{}, about(name, err)
	}
	if len(list) != 1 || list[0].values["type"].text != "filesystem" {
		return Dataset{}, fmt.Errorf("%s is not a ZFS filesystem", name)
	}
	return list[0].dataset()
}

// getBatch is how many datasets are asked about in one call, to stay far below
// the limit of an argument list.
const getBatch = 200

// Datasets lists all filesystems beneath parent at any depth, without parent
// and without views of snapshots, sorted by name. Errors: ErrNotExist.
func (c *Client) Datasets(ctx context.Context, parent string) ([]Dataset, error) {
	all, err := c.beneath(ctx, parent)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, isView), nil
}

func (c *Client) beneath(ctx context.Context, parent string) ([]Dataset, error) {
	names, err := c.tree(ctx, parent)
	if err != nil {
		return nil, err
	}
	list := []Dataset{}
	for batch := range slices.Chunk(names[1:], getBatch) {
		records, err := c.get(ctx, datasetProps, false, batch...)
		if errors.Is(err, ErrNotExist) {
			// One of them went away in between: ask for each alone.
			records, err = c.getEach(ctx, batch)
		}
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			d, err := r.dataset()
			if err != nil {
				return nil, err
			}
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Dataset) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (c *Client) getEach(ctx context.Context, names []string) ([]*record, error) {
	var all []*record
	for _, name := range names {
		records, err := c.get(ctx, datasetProps, false, name)
		if errors.Is(err, ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

// tree gives the names of root and the filesystems beneath it, root first and
// each before its children.
func (c *Client) tree(ctx context.Context, root string) ([]string, error) {
	if err := checkDataset(root); err != nil {
		return nil, err
	}
	out, err := c.zfs(ctx, "list", "-H", "-r", "-o", "name", "-t", "filesystem", root)
	if err != nil {
		return nil, about(root, err)
	}
	var names []string
	for line := range strings.Lines(out) {
		name := strings.TrimSuffix(line, "\n")
		if name != root && !strings.HasPrefix(name, root+"/") {
			return nil, unrecognised("zfs list", name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, &Error{Kind: ErrNotExist, Name: root}
	}
	slices.SortFunc(names, func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
	return names, nil
}

// EnsureDataset makes the filesystem name, mounted, with props set from its
// first moment on, and its parent too when only that is missing: the group's
// dataset beneath the storage's. Anything above must be there, else the error
// is ErrNotExist with its name.
//
// A dataset that exists is returned as it is, created false. Whether it belongs
// to the host that asks is for the caller to see in Props[PropHost]; it is
// mounted only when that is so.
func (c *Client) EnsureDataset(ctx context.Context, name string, props map[string]string) (d Dataset, created bool, err error) {
	if err := checkDataset(name); err != nil {
		return Dataset{}, false, err
	}
	if err := checkProps(props); err != nil {
		return Dataset{}, false, err
	}
	if d, err = c.Dataset(ctx, name); errors.Is(err, ErrNotExist) {
		if created, err = c.create(ctx, name, props); err != nil {
			return Dataset{}, false, err
		}
		d, err = c.Dataset(ctx, name)
	}
	if err != nil {
		return Dataset{}, created, err
	}
	if !created && d.Props[PropHost] != props[PropHost] {
		return d, false, nil
	}
	if d.Mountpoint, err = c.EnsureMounted(ctx, name); err != nil {
		return d, created, err
	}
	d.Mounted = true
	return d, created, c.own(ctx, d.Mountpoint)
}

// create makes name and, when that is missing, its parent.
func (c *Client) create(ctx context.Context, name string, props map[string]string) (bool, error) {
	made, err := c.createOne(ctx, name, props)
	if !errors.Is(err, ErrNotExist) {
		return made, err
	}
	parent := parentOf(name)
	if parentOf(parent) == "" {
		// The parent is a pool, or there is none.
		return false, &Error{Kind: ErrNotExist, Name: poolOf(name)}
	}
	if _, err := c.createOne(ctx, parent, nil); err != nil {
		return false, err
	}
	return c.createOne(ctx, name, props)
}

// createOne makes one dataset; false when it is there already.
func (c *Client) createOne(ctx context.Context, name string, props map[string]string) (bool, error) {
	args := append([]string{"create"}, propArgs(props)...)
	_, err := c.zfs(ctx, append(args, name)...)
	if errors.Is(err, ErrExists) {
		return false, nil
	}
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Cmd.Stderr, "successfully created, but not mounted") {
		return true, nil // EnsureMounted will say why
	}
	return err == nil, about(name, err)
}

// Rename gives a dataset, with all beneath it, another name in the same pool.
// It is unmounted for that moment; the new parent must exist. A rename that
// has happened already is a success. Errors: ErrNotExist, ErrExists, ErrBusy.
func (c *Client) Rename(ctx context.Context, from, to string) error {
	if err := checkDataset(from); err != nil {
		return err
	}
	if err := checkDataset(to); err != nil {
		return err
	}
	if parentOf(from) == "" || poolOf(from) != poolOf(to) {
		return fmt.Errorf("cannot rename %s to %s: both must be datasets of one pool", from, to)
	}
	tree, err := c.mountedTree(ctx, from)
	if errors.Is(err, ErrNotExist) {
		if _, there := c.Dataset(ctx, to); there == nil {
			return nil
		}
	}
	if err != nil {
		return err
	}
	if _, err := c.Dataset(ctx, to); err == nil {
		return &Error{Kind: ErrExists, Name: to}
	}
	remount := func(root string) error {
		var failed error
		for _, name := range tree {
			failed = errors.Join(failed, c.mount(context.WithoutCancel(ctx), root+strings.TrimPrefix(name, from)))
		}
		return failed
	}
	for _, name := range slices.Backward(tree) {
		if err := c.unmount(ctx, name); err != nil {
			return errors.Join(err, remount(from))
		}
	}
	err = c.settled(ctx, func() error {
		_, err := c.zfs(ctx, "rename", from, to)
		return about(from, err)
	})
	c.forget(from)
	if err != nil {
		return errors.Join(err, remount(from))
	}
	return remount(to)
}

// mountedTree gives those of root's tree that are mounted, parents first.
func (c *Client) mountedTree(ctx context.Context, root string) ([]string, error) {
	d, err := c.Dataset(ctx, root)
	if err != nil {
		return nil, err
	}
	below, err := c.beneath(ctx, root)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range append([]Dataset{d}, below...) {
		if d.Mounted {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names) // a prefix sorts before what it begins
	return names, nil
}
