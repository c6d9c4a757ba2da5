// Package devstack starts what PlanB stands on, for one machine and without
// Docker: PostgreSQL, Temporal with its web UI, a ZFS pool in a file, an SSH host.
//
// Every part is a Component that can be used alone, as the integration tests
// do, or together as a Stack, which is what `planb dev up` runs. All of it
// lives under one state directory, listens on loopback addresses only, and
// survives being killed: a component that starts again finds its data, and
// ends what an earlier one left running.
package devstack

import (
	"context"
	"os"
	"path/filepath"
)

// Component is one part of the stack.
type Component interface {
	// Name is short and fixed; log and pid file are named after it.
	Name() string
	// Start prepares the component's files where needed, starts it and returns
	// once it answers. What an earlier start left running is ended first.
	Start(ctx context.Context) error
	// Stop ends it in good order and returns once nothing of it is left.
	Stop(ctx context.Context) error
	// Kill ends it at once, with no chance to tidy up, as a power cut would.
	Kill() error
	// Done is closed when the component that was started has ended, asked or
	// not. It is nil before the first Start.
	Done() <-chan struct{}
	// Address says where it is reached, for people.
	Address() string
	// PID is the process that it runs as; 0 when it does not run.
	PID() int
	// LogFile is where its output goes.
	LogFile() string
}

func logFile(state, name string) string { return filepath.Join(state, "logs", name+".log") }
func pidFile(state, name string) string { return filepath.Join(state, "run", name+".pid") }

// ownDir makes a directory that only its owner can look into.
func ownDir(parts ...string) error {
	return os.MkdirAll(filepath.Join(parts...), 0o700)
}

// writeFile replaces a file in one step, so that a kill never leaves half.
func writeFile(path string, data []byte, mode os.FileMode) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, data, mode); err != nil {
		return err
	}
	if err := os.Chmod(tmp, mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
