package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// pollEvery is how often a thing that tells nobody is asked.
	pollEvery = 20 * time.Millisecond
	// maxLog is the size in bytes from which a log is put aside at start.
	maxLog = 16 << 20
	// killWait is how long a killed process may take to be gone.
	killWait = 10 * time.Second
)

// process is one long-lived program: its pid file, its log, its end.
type process struct {
	name  string
	state string
	// stopSignal asks it to end; 0 means SIGTERM. After grace it is killed.
	stopSignal syscall.Signal
	grace      time.Duration

	mu   sync.Mutex // guards what follows
	id   identity
	done chan struct{}
	end  error
}

func newProcess(state, name string, sig syscall.Signal, grace time.Duration) *process {
	return &process{name: name, state: state, stopSignal: sig, grace: grace}
}

// Name implements Component for those that embed a process.
func (p *process) Name() string { return p.name }

// LogFile implements Component.
func (p *process) LogFile() string { return logFile(p.state, p.name) }

// Done implements Component.
func (p *process) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// PID implements Component. A process that another program started, found
// through its pid file, counts too.
func (p *process) PID() int {
	if id := p.identity(); id.alive() {
		return id.PID
	}
	return 0
}

func (p *process) identity() identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.id.PID != 0 {
		return p.id
	}
	return readIdentity(pidFile(p.state, p.name))
}

// exited says how the process ended, once Done is closed.
func (p *process) exited() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end
}

// start runs argv in a process group of its own, so that a Ctrl-C meant for
// the supervisor does not reach it, with a clean environment, so that the
// addresses of another stack in the caller's do not either.
func (p *process) start(ctx context.Context, argv, env []string) error {
	if err := p.Stop(ctx); err != nil {
		return fmt.Errorf("end the %s that was left running: %w", p.name, err)
	}
	for _, f := range []string{p.LogFile(), pidFile(p.state, p.name)} {
		if err := ownDir(filepath.Dir(f)); err != nil {
			return err
		}
	}
	log, err := openLog(p.LogFile())
	if err != nil {
		return err
	}
	defer log.Close()

	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = p.state
	cmd.Env = append(cleanEnv(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	id, err := identify(cmd.Process.Pid)
	if err != nil {
		// It ended already; Wait below tells how.
		id = identity{PID: cmd.Process.Pid}
	}
	done := make(chan struct{})
	p.mu.Lock()
	p.id, p.done, p.end = id, done, nil
	p.mu.Unlock()
	werr := writeIdentity(pidFile(p.state, p.name), id)
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		p.end = err
		p.mu.Unlock()
		close(done)
	}()
	if werr != nil {
		return errors.Join(werr, p.Kill())
	}
	return nil
}

// ready asks probe until it succeeds, the process ends, or ctx does. The error
// of a process that ended quotes the end of its log.
func (p *process) ready(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("%s ended while starting (%s); the end of %s:\n%s",
				p.name, howEnded(p.exited()), p.LogFile(), LogTail(p.LogFile(), 15))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w; see %s", p.name, errors.Join(context.Cause(ctx), err), p.LogFile())
		case <-tick.C:
		}
	}
}

// Stop implements Component.
func (p *process) Stop(ctx context.Context) error {
	id := p.identity()
	if !id.alive() {
		return p.forget()
	}
	below := descendants(id.PID)
	sig := p.stopSignal
	if sig == 0 {
		sig = syscall.SIGTERM
	}
	if err := id.signal(sig); err != nil {
		return err
	}
	grace, cancel := context.WithTimeout(ctx, p.grace)
	defer cancel()
	_ = waitGone(grace, []identity{id})
	// Whatever the leader left (an ssh session, an rsync) goes with it.
	return errors.Join(killAll(append(below, append(descendants(id.PID), id)...)), p.forget())
}

// Kill implements Component: the whole tree at once.
func (p *process) Kill() error {
	id := p.identity()
	if !id.alive() {
		return nil
	}
	return killAll(append(descendants(id.PID), id))
}

// forget removes the pid file of a process that is gone, once Wait has seen
// its end, so that Stop returns with Done closed.
func (p *process) forget() error {
	if done := p.Done(); done != nil {
		<-done
	}
	p.mu.Lock()
	p.id = identity{}
	p.mu.Unlock()
	if err := os.Remove(pidFile(p.state, p.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func killAll(ids []identity) error {
	var errs []error
	for _, id := range ids {
		errs = append(errs, id.signal(syscall.SIGKILL))
	}
	ctx, cancel := context.WithTimeout(context.Background(), killWait)
	defer cancel()
	return errors.Join(append(errs, waitGone(ctx, ids))...)
}

func waitGone(ctx context.Context, ids []identity) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for _, id := range ids {
		for id.alive() {
			select {
			case <-ctx.Done():
				return fmt.Errorf("process %d does not end", id.PID)
			case <-tick.C:
			}
		}
	}
	return nil
}

func howEnded(err error) string {
	if err == nil {
		return "exit code 0"
	}
	return err.Error()
}

// cleanEnv is what every program of the stack may know of its caller.
func cleanEnv() []string {
	env := []string{"LC_ALL=C.UTF-8"}
	for _, k := range []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ"} {
		if v, ok := os.LookupEnv(k); ok {
			if k == "PATH" {
				v += ":/usr/local/sbin:/usr/sbin:/sbin"
			}
			env = append(env, k+"="+v)
		}
	}
	return env
}

func openLog(path string) (*os.File, error) {
	if fi, err := os.Stat(path); err == nil && fi.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// LogTail gives the last lines of a log, at most n; empty when there is none.
func LogTail(path string, n int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 64 << 10
	if fi, err := f.Stat(); err == nil && fi.Size() > most {
		if _, err := f.Seek(-most, 2); err != nil {
			return ""
		}
	}
	buf := make([]byte, most)
	got := 0
	for got < len(buf) {
		k, err := f.Read(buf[got:])
		got += k
		if err != nil {
			break
		}
	}
	lines := strings.Split(strings.TrimRight(string(buf[:got]), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
