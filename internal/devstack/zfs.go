package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"planb/internal/command"
	"planb/internal/zfs"
)

// DefaultPoolSize is the size in bytes of a pool's file; it is sparse.
const DefaultPoolSize = 4 << 30

// ZFS is a pool in a file, <state>/zfs/pool.img, mounted below <state>/zfs/mnt.
// Its name follows from the state directory, so that stacks do not meet.
type ZFS struct {
	state, dir string
	// Size is that of the file in bytes, used when the pool is made.
	Size int64

	mu   sync.Mutex // guards what follows
	done chan struct{}
	quit context.CancelFunc
}

// NewZFS describes the pool of a state directory.
func NewZFS(state string) *ZFS {
	return &ZFS{state: state, dir: filepath.Join(state, "zfs"), Size: DefaultPoolSize}
}

// Name implements Component.
func (z *ZFS) Name() string { return "zfs" }

// Pool is the name of the pool.
func (z *ZFS) Pool() string {
	sum := sha256.Sum256([]byte(z.state))
	return "planb_" + hex.EncodeToString(sum[:4])
}

// Storage is the parent dataset of the hosts' datasets.
func (z *ZFS) Storage() string { return z.Pool() + "/BACKUP" }

// Mountpoint is where the pool's root dataset is mounted.
func (z *ZFS) Mountpoint() string { return filepath.Join(z.dir, "mnt") }

// Address implements Component: the parent dataset.
func (z *ZFS) Address() string { return z.Storage() }

// LogFile implements Component.
func (z *ZFS) LogFile() string { return logFile(z.state, z.Name()) }

// PID implements Component: zfs-fuse's; 0 where the kernel does the work, and
// while the pool is not imported.
func (z *ZFS) PID() int {
	if !z.Imported(context.Background()) {
		return 0
	}
	return daemonPID()
}

// Done implements Component. A pool ends when it is stopped or when the
// zfs-fuse daemon below it dies.
func (z *ZFS) Done() <-chan struct{} {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.done
}

func (z *ZFS) image() string { return filepath.Join(z.dir, "pool.img") }

// Imported says whether the pool is there.
func (z *ZFS) Imported(ctx context.Context) bool {
	return run(ctx, "zpool", "list", "-H", "-o", "name", z.Pool()) == nil
}

// Start implements Component: it sees that ZFS answers, imports the pool or
// makes it, and mounts it.
func (z *ZFS) Start(ctx context.Context) error {
	if err := ownDir(z.dir); err != nil {
		return err
	}
	lock, err := lockZFS(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := z.closeLocked(ctx, false); err != nil {
		return err
	}
	if err := ensureZFS(ctx, z.LogFile()); err != nil {
		return err
	}
	if err := unmountBelow(ctx, z.Mountpoint()); err != nil {
		return err
	}
	unlock, err := zfs.New(zfs.Options{}).LockMounts(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := z.open(ctx); err != nil {
		return err
	}
	if run(ctx, "zfs", "list", "-H", "-o", "name", z.Storage()) != nil {
		if err := run(ctx, "zfs", "create", z.Storage()); err != nil {
			return fmt.Errorf("create dataset %s: %w", z.Storage(), err)
		}
	}
	z.watch()
	return nil
}

// open imports the pool from its file, or makes both.
func (z *ZFS) open(ctx context.Context) error {
	made := filepath.Join(z.dir, "made") // there once the pool was whole
	if _, err := os.Stat(made); err == nil {
		// -f: after a kill the pool was never exported.
		if err := run(ctx, "zpool", "import", "-f", "-o", "cachefile=none", "-d", z.dir, z.Pool()); err != nil {
			return fmt.Errorf("import pool %s from %s: %w", z.Pool(), z.image(), err)
		}
		return nil
	}
	if err := makeSparse(z.image(), z.Size); err != nil {
		return err
	}
	// cachefile=none: nobody but this stack is to import it after a boot.
	argv := []string{"zpool", "create", "-f", "-o", "cachefile=none", "-m", z.Mountpoint()}
	modern := append(append([]string{}, argv...), "-O", "xattr=sa", "-O", "acltype=posixacl", "-O", "atime=off", "-O", "compression=lz4")
	if run(ctx, append(modern, z.Pool(), z.image())...) != nil {
		// An older ZFS knows fewer properties; its defaults will do.
		if err := run(ctx, append(argv, z.Pool(), z.image())...); err != nil {
			return fmt.Errorf("create pool %s: %w", z.Pool(), err)
		}
	}
	return writeFile(made, nil, 0o600)
}

// watch closes Done when the daemon that serves the pool is gone.
func (z *ZFS) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	z.mu.Lock()
	z.done, z.quit = done, cancel
	z.mu.Unlock()
	pid := daemonPID()
	id, err := identify(pid)
	if pid != 0 && err != nil {
		close(done)
		return
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for pid == 0 || id.alive() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
}

// Stop implements Component: it exports the pool, which unmounts it. The daemon
// stays for others; StopDaemon ends it.
func (z *ZFS) Stop(ctx context.Context) error {
	lock, err := lockZFS(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	return z.closeLocked(ctx, false)
}

// Kill implements Component. The daemon serves others too, so what can be done
// in one go is an export by force.
func (z *ZFS) Kill() error {
	ctx, cancel := context.WithTimeout(context.Background(), killWait)
	defer cancel()
	lock, err := lockZFS(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	return z.closeLocked(ctx, true)
}

// closeLocked needs the lock of lockZFS.
func (z *ZFS) closeLocked(ctx context.Context, force bool) error {
	z.mu.Lock()
	if z.quit != nil {
		z.quit()
		<-z.done
		z.quit = nil
	}
	z.mu.Unlock()
	if !z.Imported(ctx) {
		return unmountBelow(ctx, z.Mountpoint())
	}
	argv := []string{"zpool", "export", z.Pool()}
	if force {
		argv = []string{"zpool", "export", "-f", z.Pool()}
	}
	// Something may still stand in a mounted directory for a moment.
	var err error
	wait, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = run(ctx, argv...); err == nil {
			return unmountBelow(ctx, z.Mountpoint())
		}
		select {
		case <-wait.Done():
			return fmt.Errorf("export pool %s: %w: end what uses files below %s", z.Pool(), err, z.Mountpoint())
		case <-tick.C:
		}
	}
}

// unmountBelow takes away mounts that a dead daemon left; a pool that is
// imported is not asked for.
func unmountBelow(ctx context.Context, dir string) error {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var errs []error
	lines := strings.Split(string(b), "\n")
	for i := len(lines) - 1; i >= 0; i-- { // the inner ones first
		f := strings.Fields(lines[i])
		if len(f) < 3 {
			continue
		}
		at := unescapeMount(f[1])
		if at != dir && !strings.HasPrefix(at, dir+"/") {
			continue
		}
		// A live mount is the pool's own business; a dead one cannot be opened,
		// though the kernel may still remember how it looked.
		if d, err := os.Open(at); err == nil {
			_ = d.Close()
			continue
		}
		errs = append(errs, run(ctx, "umount", "-l", at))
	}
	return errors.Join(errs...)
}

// unescapeMount undoes the octal escapes of /proc/self/mounts (fstab(5)).
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func makeSparse(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

// run is a command that needs root, through sudo for others.
func run(ctx context.Context, argv ...string) error {
	return command.Run(ctx, command.Cmd{Argv: asRoot(argv...), Env: []string{"PATH=" + toolPath()}})
}
