package devstack

import (
	"bufio"
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"planb/internal/command"
)

// Versions of Temporal that are built and tested with.
const (
	TemporalVersion   = "v1.32.1"
	TemporalUIVersion = "v2.54.1"
)

// temporalProgram is one binary: its name in bin, the package it comes from.
type temporalProgram struct {
	name, module, version, pkg string
	// packages is how many Go packages a build from nothing compiles, so that
	// progress has a scale.
	packages int
}

var temporalPrograms = []temporalProgram{
	{"temporal-server", "go.temporal.io/server", TemporalVersion, "go.temporal.io/server/cmd/server", 1800},
	{"temporal-sql-tool", "go.temporal.io/server", TemporalVersion, "go.temporal.io/server/cmd/tools/sql", 1200},
	{"temporal-ui-server", "github.com/temporalio/ui-server/v2", TemporalUIVersion, "github.com/temporalio/ui-server/v2/cmd/server", 500},
}

// BuildTemporal puts temporal-server, temporal-sql-tool and temporal-ui-server
// into bin, built by `go install` at their pinned versions; those that are
// there in that version already are left alone. It tells out what it does; with
// live set, out is a terminal and gets one progress line that is redrawn.
func BuildTemporal(ctx context.Context, bin string, out io.Writer, live bool) error {
	if !slices.ContainsFunc(temporalPrograms, func(p temporalProgram) bool { return !p.built(bin) }) {
		return nil // without a lock: bin may belong to somebody else
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	// Two builds of the same thing at once would cost twice and race.
	lock, err := lockFile(ctx, filepath.Join(bin, ".temporal.lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	for _, prog := range temporalPrograms {
		if prog.built(bin) {
			continue
		}
		if err := prog.build(ctx, bin, out, live); err != nil {
			return fmt.Errorf("build %s %s: %w", prog.name, prog.version, err)
		}
	}
	return nil
}

// built asks the binary itself which version it is: Go writes that into it.
func (p temporalProgram) built(bin string) bool {
	info, err := buildinfo.ReadFile(filepath.Join(bin, p.name))
	return err == nil && info.Path == p.pkg && info.Main.Path == p.module && info.Main.Version == p.version
}

func (p temporalProgram) build(ctx context.Context, bin string, out io.Writer, live bool) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("Go is not installed or not in PATH: it is needed once, to build Temporal")
	}
	// Each package's binary is called after its folder ("server" twice), so
	// each is built into a place of its own and renamed.
	tmp, err := os.MkdirTemp(bin, ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	fmt.Fprintf(out, "building %s %s (once; some minutes with an empty Go cache)\n", p.name, p.version)
	began := time.Now()
	count := &lineCounter{}
	stop := make(chan struct{})
	drawn := make(chan struct{})
	go func() {
		defer close(drawn)
		p.draw(out, live, count, began, stop)
	}()
	err = command.Run(ctx, command.Cmd{
		Argv: []string{"go", "install", "-v", "-trimpath", p.pkg + "@" + p.version},
		Dir:  tmp,
		// A go.work or -mod flag of the caller has no say in another's module.
		Env:    []string{"GOBIN=" + tmp, "GOWORK=off", "GOFLAGS="},
		Stderr: count,
	})
	close(stop)
	<-drawn
	if err != nil {
		return err
	}
	built := filepath.Join(tmp, filepath.Base(p.pkg))
	if err := os.Rename(built, filepath.Join(bin, p.name)); err != nil {
		return err
	}
	fmt.Fprintf(out, "built %s in %s\n", p.name, time.Since(began).Round(time.Second))
	return nil
}

// draw shows the progress of a build until stop is closed.
func (p temporalProgram) draw(out io.Writer, live bool, count *lineCounter, began time.Time, stop <-chan struct{}) {
	every := 20 * time.Second
	if live {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			if live {
				fmt.Fprint(out, "\r\033[K")
			}
			return
		case <-tick.C:
		}
		text := fmt.Sprintf("  %s: %d modules fetched, %d of at most %d packages compiled, %s",
			p.name, count.fetched.Load(), count.compiled.Load(), p.packages, time.Since(began).Round(time.Second))
		if live {
			fmt.Fprintf(out, "\r\033[K%s", text)
		} else {
			fmt.Fprintln(out, text)
		}
	}
}

// lineCounter counts what `go install -v` says: a line per fetched module and
// one per compiled package.
type lineCounter struct {
	fetched, compiled atomic.Int64
	rest              []byte
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		n, line, err := bufio.ScanLines(c.rest, false)
		if err != nil || n == 0 {
			return len(p), nil
		}
		switch text := string(bytes.TrimSpace(line)); {
		case strings.HasPrefix(text, "go: downloading"):
			c.fetched.Add(1)
		case text != "" && !strings.Contains(text, " "):
			c.compiled.Add(1)
		}
		c.rest = c.rest[n:]
	}
}

// DefaultBin is where the binaries of Temporal are looked for and built: bin/
// of PlanB's source tree when the caller stands in it, as tests do, else the
// folder of the running program.
func DefaultBin() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(mod, []byte("module planb\n")) {
			return filepath.Join(dir, "bin"), nil
		}
		if up := filepath.Dir(dir); up != dir {
			dir = up
			continue
		}
		exe, err := os.Executable()
		if err != nil {
			return "", err
		}
		return filepath.Dir(exe), nil
	}
}

// lockFile takes an exclusive lock, waiting for it until ctx ends. Closing the
// file, or the end of this program, gives it back.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, context.Cause(ctx)), f.Close())
		case <-tick.C:
		}
	}
}
