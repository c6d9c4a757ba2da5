// Package zfstest gives tests a real ZFS pool of their own, kept in a file.
package zfstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"planb/internal/zfs"
)

// Size of a pool's file in bytes; it is sparse. ZFS wants 64 MB at least.
const Size = 128 << 20

// patience bounds what is waited for: the start of zfs-fuse, and a pool that
// is busy for a moment after its last use.
const patience = 20 * time.Second

var count atomic.Int32

// Pool makes a pool in a temporary directory, mounted there, with an empty
// storage dataset in it, and destroys it when the test ends. Where no ZFS
// answers, it starts zfs-fuse and leaves that running, for other tests too.
func Pool(t testing.TB) (client *zfs.Client, parent string) {
	t.Helper()
	return PoolOf(t, Size)
}

// PoolOf is Pool with another size, in bytes.
func PoolOf(t testing.TB, size int64) (client *zfs.Client, parent string) {
	t.Helper()
	requireZFS(t)
	dir := t.TempDir()
	name := fmt.Sprintf("planbt%d_%d", os.Getpid(), count.Add(1))
	file := filepath.Join(dir, "pool.img")
	f, err := os.Create(file)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		t.Fatalf("make the file of a test pool: %v", err)
	}
	client = zfs.New(zfs.Options{ViewDir: filepath.Join(dir, "views")})
	unlock, err := client.LockMounts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	// Not in the cache file: the pool of a killed test must not come back.
	run(t, "zpool", "create", "-o", "cachefile=none", "-m", filepath.Join(dir, "mnt"), name, file)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close the zfs client: %v", err)
		}
		destroy(t, client, name)
	})
	parent = name + "/BACKUP"
	createStorage(t, parent)
	return client, parent
}

// createStorage makes a storage as docs/storage.md has it, so that it can hold
// extended attributes and ACLs; where this ZFS knows none, without them.
func createStorage(t testing.TB, name string) {
	t.Helper()
	if exec.Command(program("zfs"), "create", "-o", "xattr=sa", "-o", "acltype=posixacl", name).Run() != nil {
		run(t, "zfs", "create", name)
	}
}

// destroy is patient: a process that a test ended may hold a file for a moment.
// It unmounts, for which zfs-fuse calls sync(2), which waits for every file
// system of the machine that is being mounted; and that waits for zfs-fuse.
func destroy(t testing.TB, client *zfs.Client, name string) {
	deadline := time.Now().Add(patience)
	for {
		unlock, err := client.LockMounts(context.Background())
		if err != nil {
			t.Errorf("destroy test pool %s: %v", name, err)
			return
		}
		out, err := exec.Command(program("zpool"), "destroy", "-f", name).CombinedOutput()
		unlock()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("destroy test pool %s: %v: %s", name, err, out)
			return
		}
		<-time.After(50 * time.Millisecond)
	}
}

// requireZFS fails the test when there is no ZFS and none can be started.
func requireZFS(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("tests with a real ZFS pool need root: run them with sudo")
	}
	if answers() == nil {
		return
	}
	// Other packages' tests run at the same time: one of them starts it.
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "planb-zfstest.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatalf("lock the start of zfs-fuse: %v", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatalf("lock the start of zfs-fuse: %v", err)
	}
	if answers() == nil {
		return
	}
	fuse := program("zfs-fuse")
	if fuse == "" {
		t.Fatal("this test needs ZFS: load the zfs module, or apt-get install zfs-fuse")
	}
	// Its socket is bound in a directory that it does not make itself. It forks
	// once it is ready; started in a session of its own it outlives this test.
	if err := os.MkdirAll("/var/run/zfs", 0o700); err != nil {
		t.Fatalf("start zfs-fuse: %v", err)
	}
	// What it says goes to a file: the daemon keeps its output open for good.
	said, err := os.Create(filepath.Join(t.TempDir(), "zfs-fuse.log"))
	if err != nil {
		t.Fatalf("start zfs-fuse: %v", err)
	}
	defer said.Close()
	start := exec.Command(fuse, "--no-kstat-mount")
	start.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	start.Stdout, start.Stderr = said, said
	if err := start.Run(); err != nil {
		out, _ := os.ReadFile(said.Name())
		t.Fatalf("start zfs-fuse: %v: %s", err, out)
	}
	deadline := time.Now().Add(patience)
	for answers() != nil {
		if time.Now().After(deadline) {
			t.Fatalf("zfs-fuse was started but does not answer: %v", answers())
		}
		<-time.After(20 * time.Millisecond)
	}
}

// answers gives nil when some ZFS is running.
func answers() error {
	_, err := zfs.New(zfs.Options{}).Pool(context.Background(), "planbt-absent")
	if errors.Is(err, zfs.ErrNotExist) {
		return nil
	}
	return err
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, program(name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// program finds name in PATH or where Debian keeps system programs; empty when
// it is not there.
func program(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	p := "/usr/sbin/" + name
	if _, err := os.Stat(p); err != nil {
		return ""
	}
	return p
}
