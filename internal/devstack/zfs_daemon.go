package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"planb/internal/command"
)

// zfs-fuse has one daemon per machine, which all pools share: its socket's path
// is fixed. So whether a stack of PlanB started it is noted per machine too.
func daemonNote() string { return filepath.Join(noteDir(), "planb-zfs-fuse.pid") }

// lockZFS keeps stacks apart while they open and close pools: one that goes
// down must not stop the daemon that another has just found running.
func lockZFS(ctx context.Context) (*os.File, error) {
	return lockFile(ctx, filepath.Join(noteDir(), "planb-zfs-fuse.lock"))
}

// noteDir is a place that no other user can write to: what stands there
// decides which process gets a signal.
func noteDir() string {
	if os.Geteuid() == 0 {
		return "/run"
	}
	if dir, err := os.UserCacheDir(); err == nil && os.MkdirAll(dir, 0o700) == nil {
		return dir
	}
	return os.TempDir()
}

func toolPath() string { return os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin" }

// asRoot puts sudo before a command where it is needed; it never asks.
func asRoot(argv ...string) []string {
	// The command wrapper looks programs up in its own PATH.
	if path := findTool(argv[0]); path != "" {
		argv = append([]string{path}, argv[1:]...)
	}
	if os.Geteuid() == 0 {
		return argv
	}
	return append([]string{"sudo", "-n"}, argv...)
}

func findTool(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		p := filepath.Join(dir, name)
		if fi, err := os.Stat(p); err == nil && fi.Mode()&0o111 != 0 {
			return p
		}
	}
	return ""
}

// ensureZFS sees that the zfs commands work: with the kernel's module, else
// with the zfs-fuse daemon, which it starts if nobody did.
func ensureZFS(ctx context.Context, log string) error {
	if findTool("zpool") == "" {
		return errors.New("ZFS is not installed: run scripts/install-deps.sh, or apt-get install zfsutils-linux (or zfs-fuse)")
	}
	first := run(ctx, "zpool", "list")
	if first == nil {
		return nil
	}
	daemon := findTool("zfs-fuse")
	if daemon == "" {
		if run(ctx, "modprobe", "zfs") == nil {
			return run(ctx, "zpool", "list")
		}
		return fmt.Errorf("ZFS does not answer: load its module (modprobe zfs): %w", first)
	}
	if err := ownDir(filepath.Dir(log)); err != nil {
		return err
	}
	// Dead mounts of a daemon that was killed keep the new one from starting.
	if err := unmountBelow(ctx, "/zfs-kstat"); err != nil {
		return err
	}
	// The daemon keeps what it is given as standard error open for good, so it
	// gets the log itself and no pipe of ours.
	argv := append([]string{"sh", "-c", `exec "$@" >>"$0" 2>&1 </dev/null`, log}, asRoot(daemon, "--no-kstat-mount")...)
	err := command.Run(ctx, command.Cmd{Argv: argv, Env: []string{"PATH=" + toolPath()}})
	if err != nil {
		return fmt.Errorf("start zfs-fuse: %w", err)
	}
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if err = run(ctx, "zpool", "list"); err == nil {
			break
		}
		select {
		case <-wait.Done():
			return fmt.Errorf("zfs-fuse does not answer: %w; see %s", err, log)
		case <-tick.C:
		}
	}
	id, err := identify(daemonPID())
	if err != nil {
		return fmt.Errorf("find the zfs-fuse that was started: %w", err)
	}
	return writeIdentity(daemonNote(), id)
}

// StopZFSDaemon ends the zfs-fuse daemon if a stack started it and no pool of
// anybody needs it any more. It says whether it did.
func StopZFSDaemon(ctx context.Context) (bool, error) {
	lock, err := lockZFS(ctx)
	if err != nil {
		return false, err
	}
	defer lock.Close()
	id := readIdentity(daemonNote())
	if !id.alive() || id.PID != daemonPID() {
		return false, nil
	}
	pools, err := command.Output(ctx, asRoot("zpool", "list", "-H", "-o", "name")...)
	if err != nil || len(bytes.TrimSpace(pools)) > 0 {
		return false, err
	}
	if err := run(ctx, "kill", "-TERM", strconv.Itoa(id.PID)); err != nil && id.alive() {
		return false, err
	}
	gone, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := waitGone(gone, []identity{id}); err != nil {
		return false, fmt.Errorf("stop zfs-fuse: %w", err)
	}
	return true, os.Remove(daemonNote())
}

// daemonPID finds the zfs-fuse that serves this machine; 0 when none does. Those
// of containers are seen in /proc too: they have mounts of their own.
func daemonPID() int {
	ours, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return 0
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(filepath.Join("/proc", e.Name(), "comm"))
		if err != nil || strings.TrimSpace(string(comm)) != "zfs-fuse" {
			continue
		}
		// Only root may look at root's; others take the daemon for theirs.
		if ns, err := os.Readlink(filepath.Join("/proc", e.Name(), "ns", "mnt")); err == nil && ns != ours {
			continue
		}
		if _, err := readStat(pid); err == nil {
			return pid
		}
	}
	return 0
}
