package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/internal/sshx"
	"planb/internal/tarball"
	"planb/internal/tree"
	"planb/internal/zfs"
)

// Push is how files are pushed to hosts.
type Push struct {
	// Key is the private key for it; empty means that pushing is off.
	Key string
	// User logs in; any but root runs rsync through sudo.
	User string
}

// refuseRestore finds what makes a restore pointless before anything is opened.
func (s *Storage) refuseRestore(ctx context.Context, in RestoreActivityInput) error {
	switch {
	case in.Plan.Target != nil:
		if s.Push.Key == "" {
			return permanent(ErrTypeRefused, "pushing files to hosts is not turned on at the storage server "+in.Plan.Server,
				"set restore.key in its planb.yaml, see docs/restore.md, or restore to a directory", nil)
		}
		if in.Delete && (in.Prefix == "" || filepath.Clean(in.Prefix) == "/") && slices.ContainsFunc(in.Paths, func(p string) bool { return tree.Clean(p) == "/" }) {
			return permanent(ErrTypeRefused, "to delete on all of a host would take what its backups leave out, such as /dev and /proc",
				"name the directories in which --delete is meant", nil)
		}
		if in.Prefix != "" {
			if err := rsync.CheckRemoteDest(in.Prefix); err != nil {
				return permanent(ErrTypeRefused, err.Error(), "", nil)
			}
		}
		return nil
	case in.Tar != "":
		if err := tarball.CheckName(in.Tar); err != nil {
			return permanent(ErrTypeRefused, err.Error(), "", nil)
		}
		return s.refuseTarget(ctx, in.Tar, in.Plan.Dataset)
	case !s.Root && !in.AsSelf:
		return permanent(ErrTypeRefused,
			"the worker of "+in.Plan.Server+" is not root, so it cannot give files in a directory their owners, devices, ACLs and extended attributes",
			"--tar and --to-host keep them; --as-self restores without them", nil)
	}
	return s.refuseTarget(ctx, in.To, in.Plan.Dataset)
}

// refuseDelete keeps files from being deleted because a backup could not read
// them.
func (s *Storage) refuseDelete(ctx context.Context, in RestoreActivityInput) error {
	if !in.Delete {
		return nil
	}
	snap, err := s.ZFS.Snapshot(ctx, in.Plan.Dataset, in.Plan.Snapshot)
	if err != nil {
		return fmt.Errorf("looking how complete %s is: %w", in.Plan.Snapshot, err)
	}
	if policy.StatePartial != snap.Props[zfs.PropState] && policy.StatePartial != snap.Props[zfs.PropWorth] {
		return nil
	}
	return permanent(ErrTypeRefused, in.Plan.Snapshot+" is partial: what it does not have may be what could not be read",
		"restore without --delete, or from another snapshot", nil)
}

// refuseTarget keeps a restore out of the datasets that backups are in, and out
// of PlanB's own state; and these out of the target.
func (s *Storage) refuseTarget(ctx context.Context, to, dataset string) error {
	if !filepath.IsAbs(to) {
		return permanent(ErrTypeRefused, fmt.Sprintf("%q is no place to restore to", to), "give an absolute path", nil)
	}
	real := realPath(to)
	if real == "/" {
		return permanent(ErrTypeRefused, "/ is the storage server itself, and no place to restore to", "give a directory of its own", nil)
	}
	refuse := func(what string) error {
		return permanent(ErrTypeRefused, to+" "+what, "restore to a directory elsewhere", nil)
	}
	if state := realPath(s.State); isWithin(real, state) {
		return refuse("is inside PlanB's own directory " + s.State)
	} else if isWithin(state, real) {
		return refuse("holds PlanB's own directory " + s.State)
	}
	for _, name := range append([]string{dataset}, s.Parents...) {
		d, err := s.ZFS.Dataset(ctx, name)
		if err != nil && !errors.Is(err, zfs.ErrNotExist) {
			return fmt.Errorf("looking where %s is mounted: %w", name, err)
		}
		if err != nil || !filepath.IsAbs(d.Mountpoint) {
			continue
		}
		if mounted := realPath(d.Mountpoint); isWithin(real, mounted) {
			return refuse("is inside " + name + ", where the backups are")
		} else if isWithin(mounted, real) {
			return refuse("holds " + name + ", where the backups are")
		}
	}
	return s.refuseForeignDataset(ctx, real, refuse)
}

// refuseForeignDataset refuses a target in the dataset of another host that lies
// outside the storages, one brought over from elsewhere, or above it.
func (s *Storage) refuseForeignDataset(ctx context.Context, real string, refuse func(what string) error) error {
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return !isWithin(real, m.Mountpoint) && !isWithin(m.Mountpoint, real), false
	})
	if err != nil {
		return fmt.Errorf("looking what %s is on: %w", real, err)
	}
	for _, m := range mounts {
		if !strings.HasSuffix(m.FSType, "zfs") || strings.Contains(m.Source, "@") {
			continue // neither zfs nor fuse.zfs, or a snapshot, which nobody writes to
		}
		d, err := s.ZFS.Dataset(ctx, m.Source)
		if errors.Is(err, zfs.ErrNotExist) {
			continue // of a pool that this worker does not see
		}
		if err != nil {
			return fmt.Errorf("looking whose %s is: %w", m.Source, err)
		}
		switch {
		case d.Props[zfs.PropHost] == "":
		case isWithin(real, m.Mountpoint):
			return refuse("is inside " + d.Name + ", where the backups of a host are")
		default:
			return refuse("holds " + d.Name + ", where the backups of a host are")
		}
	}
	return nil
}

// prepareTarget makes the directory, for its owner alone: what a host called a
// program that runs as root is one here as well. The lock keeps two restores
// from mixing there, and is held by rsync, too.
func (s *Storage) prepareTarget(ctx context.Context, to string) (*os.File, error) {
	info, err := os.Stat(filepath.Dir(to))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, permanent(ErrTypeRefused, "there is no "+filepath.Dir(to)+" at the storage server", "make it first, or mount what belongs there", nil)
	case err != nil:
		return nil, targetError(to, err)
	case !info.IsDir():
		return nil, permanent(ErrTypeRefused, filepath.Dir(to)+" is not a directory", "give another one", nil)
	}
	if err := os.Mkdir(to, 0o700); errors.Is(err, os.ErrNotExist) {
		// Its parent is there: /proc and the like.
		return nil, permanent(ErrTypeRefused, "no directory can be made in "+filepath.Dir(to), "choose another place", err)
	} else if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, targetError(to, err)
	}
	if info, err = os.Stat(to); err != nil {
		return nil, targetError(to, err)
	}
	if !info.IsDir() {
		return nil, permanent(ErrTypeRefused, to+" is there and not a directory", "give another one", nil)
	}
	return lockTarget(ctx, to, to)
}

// lockTarget keeps other restores from what text names while lock, a directory of
// this server, is locked.
func lockTarget(ctx context.Context, lock, text string) (*os.File, error) {
	held, err := rsync.TryLock(lock)
	switch {
	case errors.Is(err, rsync.ErrLocked) && activity.GetInfo(ctx).Attempt > 1:
		return nil, later(ErrTypeLocked, text+" is still written to by an earlier try", lockedAgain, err)
	case errors.Is(err, rsync.ErrLocked):
		return nil, permanent(ErrTypeRefused, "another restore writes to "+text+" now", "wait for its end, or choose another target", nil)
	case err != nil:
		return nil, targetError(lock, err)
	}
	return held, nil
}

// lockPush lets one push at a time go from here to a host: two of them would mix
// what is there and what each takes for its own.
func (s *Storage) lockPush(ctx context.Context, p RestorePlan) (*os.File, error) {
	dir := filepath.Join(s.State, "push", p.Target.HostID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the lock of pushes to %s: %w", p.Target.Host, err)
	}
	return lockTarget(ctx, dir, "host "+p.Target.Host.String())
}

// pushSession writes down how the target host is reached for a push.
func (s *Storage) pushSession(p RestorePlan) (*sshx.Session, error) {
	t := p.Target
	session, err := sshx.Open(sshx.Target{
		Alias: t.Host.String(), Address: t.Address, Port: t.Policy.Port.Value, User: s.Push.User,
		KeyFile: s.Push.Key, HostKeys: t.HostKeys,
		JumpHost: t.Policy.JumpHost.Value, JumpHostKeys: t.JumpHostKeys,
	}, filepath.Join(s.restoreDir(p.Run), "ssh"))
	if err != nil {
		return nil, permanent(ErrTypeRefused, err.Error(), "", err)
	}
	return session, nil
}

func isWithin(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// realPath follows the symbolic links in the part of a path that is there.
func realPath(path string) string {
	path = filepath.Clean(path)
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	if filepath.Dir(path) == path {
		return path
	}
	return filepath.Join(realPath(filepath.Dir(path)), filepath.Base(path))
}

// permanentError says whether no retry follows err.
func permanentError(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.NonRetryable()
}

// isCancelled says whether err is the end that somebody asked for.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || temporal.IsCanceledError(err)
}
