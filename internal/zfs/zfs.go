// Package zfs owns every call of the zfs and zpool programs: datasets,
// snapshots, holds, properties, pools, and readable views of snapshots.
//
// It works the same on OpenZFS and on zfs-fuse, as root or through sudo. What
// a ZFS can do is found out by trying it, never by asking which one it is.
// Messages on standard error are read here and nowhere else, and become typed
// errors (ErrNotExist, ErrBusy, …). Everything may be called from many
// goroutines at once, and everything may be done twice with the same result.
package zfs

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"planb/internal/command"
)

// DefaultViewDir is where views of snapshots are mounted unless told otherwise.
const DefaultViewDir = "/run/planb/views"

// Options say how a Client reaches ZFS. The zero value is usable by root.
type Options struct {
	// Sudo puts `sudo -n` before each zfs and zpool call.
	Sudo bool
	// ViewDir is the directory under which snapshots are mounted where ZFS has
	// no .zfs/snapshot; empty means DefaultViewDir. It is made when needed.
	ViewDir string
	// ViewIdle is how long such a mount stays after its last reader closed it;
	// zero means that it goes at once.
	ViewIdle time.Duration
	// Log gets one debug line for each call; nil means slog.Default.
	Log *slog.Logger
}

// Client runs zfs and zpool.
type Client struct {
	sudo       bool
	zfsPath    string
	zpoolPath  string
	viewDir    string
	viewIdle   time.Duration
	log        *slog.Logger
	instance   string      // tells this client's views from those of others
	unknown    sync.Map    // property name → true: this zfs refused to list it
	zpoolPlain atomic.Bool // this zpool refused list -p

	abilityMu sync.Mutex
	abilities map[string]Abilities // by dataset; guarded by abilityMu
	commands  *commandAbilities    // guarded by abilityMu

	viewMu sync.Mutex
	views  map[string]*sharedView // by dataset@snapshot; guarded by viewMu
}

// New gives a Client. It runs nothing; a machine without zfs shows itself as
// ErrNotRunning at the first call.
func New(o Options) *Client {
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails, see crypto/rand
	c := &Client{
		sudo: o.Sudo, zfsPath: program("zfs"), zpoolPath: program("zpool"),
		viewDir: o.ViewDir, viewIdle: o.ViewIdle, log: o.Log, instance: hex.EncodeToString(id),
		abilities: map[string]Abilities{}, views: map[string]*sharedView{},
	}
	if c.viewDir == "" {
		c.viewDir = DefaultViewDir
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	return c
}

// Program gives the path of zfs or zpool, and the bare name where it is not
// installed.
func Program(name string) string { return program(name) }

// program finds name in PATH or in the directories of system programs, which
// the PATH of an ordinary user lacks.
func program(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		if abs, err := filepath.Abs(p); err == nil {
			return abs
		}
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		p := filepath.Join(dir, name)
		if st, err := os.Stat(p); err == nil && st.Mode()&0o111 != 0 {
			return p
		}
	}
	return name
}

// zfs runs one zfs subcommand and gives what it printed.
func (c *Client) zfs(ctx context.Context, args ...string) (string, error) {
	if mounts(args) {
		unlock, err := c.LockMounts(ctx)
		if err != nil {
			return "", err
		}
		defer unlock()
	}
	return c.run(ctx, c.zfsPath, args)
}

func (c *Client) run(ctx context.Context, path string, args []string) (string, error) {
	argv := make([]string, 0, len(args)+3)
	if c.sudo {
		argv = append(argv, "sudo", "-n")
	}
	argv = append(append(argv, path), args...)
	began := time.Now()
	var out bytes.Buffer
	// zpool status prints local times without their zone, and has no flag for
	// another form; sudo lets TZ through (env_check in sudoers(5)).
	err := command.Run(ctx, command.Cmd{Argv: argv, Stdout: &out, Env: []string{"TZ=UTC"}})
	c.log.DebugContext(ctx, "zfs", "argv", strings.Join(argv, " "), "took", time.Since(began), "error", err)
	if err != nil {
		return out.String(), classify(err)
	}
	return out.String(), nil
}

// settleTime bounds the wait for a filesystem that was just unmounted: zfs-fuse
// hears of an unmount after the program that asked for it has ended, and calls
// the dataset busy until then.
const settleTime = 5 * time.Second

// settled calls do until it no longer fails with ErrBusy, or settleTime is over.
func (c *Client) settled(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(settleTime)
	for delay := 5 * time.Millisecond; ; delay = min(2*delay, 250*time.Millisecond) {
		err := do()
		if !errors.Is(err, ErrBusy) || time.Now().Add(delay).After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(delay):
		}
	}
}
