package devstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	firstBackoff = time.Second
	lastBackoff  = 30 * time.Second
	// steady is how long a part must have run for its next end to count as the
	// first.
	steady = time.Minute
	// stopTime bounds an orderly stop of everything.
	stopTime = 3 * time.Minute
)

// ErrRunning is a state directory whose stack another program runs.
var ErrRunning = errors.New("a stack runs there already")

func supervisorFile(state string) string { return pidFile(state, "supervisor") }
func readyFile(state string) string      { return pidFile(state, "ready") }

// Run starts the stack, calls ready, keeps every part running until ctx ends,
// and then stops all of it. When a part does not start, all are stopped and its
// error is given. ErrRunning means that another program runs this stack.
func (s *Stack) Run(ctx context.Context, ready func()) error {
	unlock, err := s.claim()
	if err != nil {
		return err
	}
	defer unlock()
	end := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		return s.stop(ctx)
	}
	// What a killed supervisor left is ended in the right order before its
	// parts are started one by one.
	if err := end(); err != nil {
		return fmt.Errorf("end what was left running: %w", err)
	}
	if err := s.start(ctx); err != nil {
		return errors.Join(err, end())
	}
	me, err := identify(os.Getpid())
	if err == nil {
		err = writeIdentity(readyFile(s.State), me)
	}
	if err != nil {
		return errors.Join(err, end())
	}
	ready()
	var parts sync.WaitGroup
	for _, c := range s.Components() {
		parts.Go(func() { keep(ctx, c) })
	}
	parts.Wait()
	slog.Info("stopping the stack", "state", s.State)
	return end()
}

// claim makes this program the one that runs the stack.
func (s *Stack) claim() (unlock func(), err error) {
	if err := ownDir(s.State, "run"); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(s.State, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid := readIdentity(supervisorFile(s.State)).PID
		return nil, errors.Join(fmt.Errorf("%s: %w (process %d)", s.State, ErrRunning, pid), lock.Close())
	}
	me, err := identify(os.Getpid())
	if err == nil {
		err = writeIdentity(supervisorFile(s.State), me)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return func() {
		for _, f := range []string{readyFile(s.State), supervisorFile(s.State)} {
			if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
				slog.Error("cannot remove a pid file", "error", err)
			}
		}
		_ = lock.Close()
	}, nil
}

// keep starts c again whenever it ends, later and later, until ctx ends.
func keep(ctx context.Context, c Component) {
	backoff := firstBackoff
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-c.Done():
		}
		if time.Since(began) > steady {
			backoff = firstBackoff
		}
		slog.Warn("a part of the stack ended; it will be started again", "part", c.Name(), "in", backoff, "log", c.LogFile())
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, lastBackoff)
		began = time.Now()
		if err := c.Start(ctx); err != nil {
			if ctx.Err() == nil {
				slog.Error("a part of the stack does not start", "part", c.Name(), "error", err)
			}
			continue
		}
		slog.Info("a part of the stack runs again", "part", c.Name())
	}
}

// Supervisor is the process that runs the stack of a state directory, 0 when
// there is none, and whether all of the stack was started.
func Supervisor(state string) (pid int, ready bool) {
	id := readIdentity(supervisorFile(state))
	if !id.alive() {
		return 0, false
	}
	return id.PID, readIdentity(readyFile(state)) == id
}

// Down ends the stack of a state directory and returns once nothing of it is
// left: no process, no mount, no imported pool. It asks the supervisor, and
// ends what a killed one left itself.
func (s *Stack) Down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime+30*time.Second)
	defer cancel()
	if id := readIdentity(supervisorFile(s.State)); id.alive() {
		if err := id.signal(syscall.SIGTERM); err != nil {
			return err
		}
		if err := waitGone(ctx, []identity{id}); err != nil {
			return fmt.Errorf("the supervisor does not end: %w", err)
		}
	}
	unlock, err := s.claim()
	if err != nil {
		return err
	}
	defer unlock()
	return s.stop(ctx)
}

// Status is one part of a stack as it is now.
type Status struct {
	Component string `json:"component"`
	// State is running or stopped.
	State   string `json:"state"`
	PID     *int   `json:"pid"`
	Address string `json:"address"`
	Log     string `json:"log"`
}

// Status tells how the parts of the stack are, the supervisor first.
func (s *Stack) Status(ctx context.Context) ([]Status, error) {
	info, err := ReadInfo(s.State)
	if err != nil {
		return nil, err
	}
	row := func(name, addr, log string, pid int, running bool) Status {
		st := Status{Component: name, State: "stopped", Address: addr, Log: log}
		if running {
			st.State = "running"
		}
		if pid != 0 {
			st.PID = &pid
		}
		return st
	}
	pid, _ := Supervisor(s.State)
	out := []Status{row("supervisor", s.State, logFile(s.State, "dev"), pid, pid != 0)}
	for _, c := range info.Components {
		if c.Name == s.ZFS.Name() {
			out = append(out, row(c.Name, c.Address, c.Log, s.ZFS.PID(), s.ZFS.Imported(ctx)))
			continue
		}
		pid := newProcess(s.State, c.Name, 0, 0).PID()
		out = append(out, row(c.Name, c.Address, c.Log, pid, pid != 0))
	}
	return out, nil
}
