// Package harness gives tests a stack of their own whose parts they can break,
// the built program, and eyes for what is on disk and which processes run.
package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/devstack"
	"planb/internal/sshx"
)

// Stack is a whole PlanB: PostgreSQL, Temporal, a ZFS pool and planb serve,
// each a process that the test can end and start again. Nothing else does.
type Stack struct {
	*devstack.Stack
	*Planb
	// Dir holds everything; Wrap is a directory whose programs planb finds
	// before the machine's own.
	Dir, Wrap string
	// RestoreKey is the key for pushing files to hosts.
	RestoreKey string
}

// startTime bounds the start and the end of a stack.
const startTime = 3 * time.Minute

// Start builds planb and starts a stack below dir. What it started is ended by
// a guardian, see Main.
func Start(ctx context.Context, dir string) (*Stack, error) {
	s := &Stack{Dir: dir, Wrap: filepath.Join(dir, "wrap"), RestoreKey: filepath.Join(dir, "restore_ed25519")}
	program := filepath.Join(dir, "planb")
	if err := errors.Join(os.Mkdir(s.Wrap, 0o755), Build(ctx, program, "first")); err != nil {
		return nil, err
	}
	if err := sshx.Keygen(ctx, s.RestoreKey, "restore"); err != nil {
		return nil, err
	}
	bin, err := devstack.DefaultBin()
	if err != nil {
		return nil, err
	}
	if err := devstack.BuildTemporal(ctx, bin, os.Stderr, false); err != nil {
		return nil, err
	}
	path := s.Wrap + ":" + os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin"
	s.Stack, err = devstack.New(devstack.Options{
		State: StateOf(dir), Bin: bin,
		// The hosts of tests share one address, and are no fewer for it.
		Program: []string{"env", "PATH=" + path, "PLANB_LIMITS_PER_ADDRESS=4", "PLANB_RESTORE_KEY=" + s.RestoreKey, program},
	})
	if err != nil {
		return nil, err
	}
	s.Planb = &Planb{Program: program, Config: s.ConfigFile()}
	return s, s.up(ctx)
}

// StateOf is the state directory of the stack in dir.
func StateOf(dir string) string { return filepath.Join(dir, "state") }

// Build links planb at path, as the given version.
func Build(ctx context.Context, path, version string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "-ldflags", "-X planb/cli.Version="+version, "planb")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

// up starts what does not run, in order.
func (s *Stack) up(ctx context.Context) error {
	for _, c := range s.Components() {
		if c.Name() == s.SSH.Name() || c.Name() == s.UI.Name() || running(ctx, s, c) {
			continue
		}
		if err := c.Start(ctx); err != nil {
			return fmt.Errorf("%s does not start: %w", c.Name(), err)
		}
	}
	return nil
}

func running(ctx context.Context, s *Stack, c devstack.Component) bool {
	if c.Name() == s.ZFS.Name() {
		return s.ZFS.Imported(ctx)
	}
	return c.PID() != 0
}

// Up starts every part that does not run.
func (s *Stack) Up(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	require.NoError(t, s.up(ctx))
}

// Down stops every part, in good order.
func (s *Stack) Down(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	cs := s.Components()
	for i := len(cs) - 1; i >= 0; i-- {
		if cs[i].Name() == s.ZFS.Name() {
			s.Export(t, func() error { return cs[i].Stop(ctx) })
			continue
		}
		require.NoError(t, cs[i].Stop(ctx))
	}
}

// Export has the pool exported, again and again: zfs-fuse may call it busy for
// a minute after its last file was closed.
func (s *Stack) Export(t testing.TB, export func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if err = export(); err == nil {
			return
		}
	}
	require.NoError(t, err)
}

// Serve is the part that planb serve is.
func (s *Stack) Serve() devstack.Component {
	cs := s.Components()
	return cs[len(cs)-1]
}

// Data is the directory that a host's files are pulled to.
func (s *Stack) Data(host string) string {
	return filepath.Join(s.ZFS.Mountpoint(), "BACKUP", host, "data")
}

// Dataset is that of a host.
func (s *Stack) Dataset(host string) string { return s.ZFS.Storage() + "/" + host }

// RunFile is a file that the storage worker keeps of a run.
func (s *Stack) RunFile(run, ending string) string {
	return filepath.Join(s.State, "planb", "runs", run+ending)
}
