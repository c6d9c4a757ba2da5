package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"planb/internal/command"
	"planb/internal/policy"
	"planb/internal/zfs"
)

// DataDir is the directory in a host's dataset that holds its files.
const DataDir = "data"

// Prepared is a host's dataset as a pull finds it.
type Prepared struct {
	// Data is the directory that files go to.
	Data string `json:"data"`
	// Xattrs and ACLs say what the dataset can hold.
	Xattrs bool `json:"xattrs"`
	ACLs   bool `json:"acls"`
	// PreviousGood is when the newest good snapshot was taken; zero without
	// one. Newest are the names of the last few snapshots of all.
	PreviousGood time.Time `json:"previous_good,omitzero"`
	Newest       []string  `json:"newest,omitempty"`
}

// Prepare makes the host's dataset where it is missing, refuses one that
// belongs to another host, and sees what it can hold. Twice is as good as once.
func (s *Storage) Prepare(ctx context.Context, p Plan) (Prepared, error) {
	d, err := s.ownDataset(ctx, p)
	if err != nil {
		return Prepared{}, err
	}
	out := Prepared{Data: filepath.Join(d.Mountpoint, DataDir)}
	if err := s.makeDataDir(ctx, d, out.Data); err != nil {
		return out, err
	}
	can, err := s.ZFS.Abilities(ctx, p.Dataset)
	if err != nil {
		return out, fmt.Errorf("trying what %s can hold: %w", p.Dataset, err)
	}
	out.Xattrs, out.ACLs = can.Xattrs, can.ACLs
	snaps, err := s.snapshots(ctx, p.Dataset)
	if err != nil {
		return out, err
	}
	if good, ok := policy.NewestGood(s.planned(snaps), s.Now()); ok {
		out.PreviousGood = good.Time()
	}
	for _, snap := range snaps[max(0, len(snaps)-newestNames):] {
		out.Newest = append(out.Newest, snap.Name)
	}
	return out, nil
}

// newestNames is how many names of snapshots a workflow gets to see: enough
// to find a free minute for the next one.
const newestNames = 10

// ownDataset gives the host's dataset, made if need be.
func (s *Storage) ownDataset(ctx context.Context, p Plan) (zfs.Dataset, error) {
	if err := s.refuseElsewhere(ctx, p); err != nil {
		return zfs.Dataset{}, err
	}
	d, _, err := s.ZFS.EnsureDataset(ctx, p.Dataset, map[string]string{
		zfs.PropHost: p.HostID, zfs.PropName: p.Host.String(),
		// What a host's files may do there must mean nothing here; and reading
		// them must not cost room in the next snapshot.
		"setuid": "off", "exec": "off", "devices": "off", "atime": "off",
	})
	switch {
	case errors.Is(err, zfs.ErrNotExist):
		return d, permanent(ErrTypeRefused, err.Error(), "import the pool (zpool import) or make the parent dataset", err)
	case errors.Is(err, zfs.ErrNoSpace):
		return d, permanent(ErrTypeNoSpace, "the pool has no room for "+p.Dataset, "make room, or move the host to another storage", err)
	case err != nil:
		return d, fmt.Errorf("making %s: %w", p.Dataset, err)
	}
	if err := s.checkOwner(d, p); err != nil {
		return d, err
	}
	if err := s.adopt(ctx, d, p); err != nil {
		return d, err
	}
	d.Mountpoint, err = s.ZFS.EnsureMounted(ctx, p.Dataset)
	return d, err
}

// checkOwner refuses a dataset that another host, or something that is not
// PlanB, keeps its files in.
func (s *Storage) checkOwner(d zfs.Dataset, p Plan) error {
	switch owner := d.Props[zfs.PropHost]; owner {
	case p.HostID:
		return nil
	case "":
		return permanent(ErrTypeRefused,
			fmt.Sprintf("the dataset %s is there already and does not belong to %s", d.Name, p.Host),
			fmt.Sprintf("if its files are this host's, say so with `zfs set %s=%s %s`; else give the host another --dataset", zfs.PropHost, p.HostID, d.Name), nil)
	default:
		if removed := timeIn(d.Props[zfs.PropRemoved]); removed != nil {
			return permanent(ErrTypeRefused, leftover(d, *removed),
				fmt.Sprintf("to go on with that data, say `zfs set %s=%s %s`; else give this host another --dataset", zfs.PropHost, p.HostID, d.Name), nil)
		}
		if d.Props[zfs.PropName] == p.Host.String() {
			return permanent(ErrTypeRefused,
				fmt.Sprintf("the dataset %s belongs to an earlier %s, which the catalog does not know", d.Name, p.Host),
				fmt.Sprintf("if the catalog was made anew, say `zfs set %s=%s %s`; else give this host another --dataset", zfs.PropHost, p.HostID, d.Name), nil)
		}
		return permanent(ErrTypeRefused,
			fmt.Sprintf("the dataset %s belongs to another host, %s", d.Name, d.Props[zfs.PropName]),
			"give this host another --dataset", nil)
	}
}

// makeDataDir makes the directory for the files. None but the worker may pass
// the dataset's top: below it are files of all the host's users, setuid ones
// among them, and rsync gives the directory itself the mode of the host's root.
func (s *Storage) makeDataDir(ctx context.Context, d zfs.Dataset, dir string) error {
	err := closeDir(d.Mountpoint)
	if errors.Is(err, os.ErrPermission) {
		if err = s.own(ctx, d.Mountpoint); err == nil {
			err = closeDir(d.Mountpoint)
		}
	}
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("making the directory for the files of %s: %w", d.Name, err)
	}
	return nil
}

// closeDir lets only its owner enter a directory; that is left alone where it
// is so already, which also shows that the owner is this user.
func closeDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) == os.Geteuid() && info.Mode().Perm() == 0o700 {
		return nil
	}
	return os.Chmod(dir, 0o700)
}

// own gives a directory to the user that the worker runs as, which is not
// root: only root can mount, and what it mounts is root's.
func (s *Storage) own(ctx context.Context, dir string) error {
	return command.Run(ctx, command.Cmd{Argv: []string{
		"sudo", "-n", "chown", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), "--", dir,
	}})
}
