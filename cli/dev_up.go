package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/devstack"
)

// readyByte (EOT) is how the detached process says that all is ready; no text
// holds it.
const readyByte = 4

func (a *app) devUp(c *ucli.Context) error {
	if c.Bool("demo") && !c.Bool("detach") {
		return usagef("--demo needs --detach")
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	bin, err := devstack.DefaultBin()
	if err != nil {
		return err
	}
	out := a.stdout
	if fd := c.Int("ready-fd"); fd != 0 {
		out = os.NewFile(uintptr(fd), "progress")
	}
	s, err := stack(c, devstack.Options{
		Bin: bin, Program: []string{exe}, Out: out,
		Ports: devstack.Ports{
			Web: c.Int("web-port"), Data: c.Int("data-port"), Postgres: c.Int("postgres-port"),
			Temporal: c.Int("temporal-port"), TemporalUI: c.Int("temporal-ui-port"), SSH: c.Int("ssh-port"),
		},
	})
	if err != nil {
		return err
	}
	if err := devstack.BuildTemporal(c.Context, bin, out, isTerminal(out)); err != nil {
		return err
	}
	if c.Bool("detach") {
		return a.detach(c, s.State, exe)
	}
	return runStack(c.Context, s, func() {
		if c.Int("ready-fd") != 0 {
			fmt.Fprintf(out, "%c", readyByte)
			return
		}
		info, err := devstack.ReadInfo(s.State)
		if err != nil {
			fmt.Fprintln(out, err)
			return
		}
		a.tellStack(c, info)
		fmt.Fprintln(out, "\nCtrl-C stops all of it.")
	})
}

// detach starts the stack in a session of its own, unless it runs already, and
// returns once all of it is ready.
func (a *app) detach(c *ucli.Context, state, exe string) error {
	pid, ready := devstack.Supervisor(state)
	switch {
	case pid != 0 && !ready:
		return refusedf("another planb dev up is starting in %s (process %d): see planb dev status", state, pid)
	case pid != 0 && outdated(pid):
		fmt.Fprintln(a.stdout, "It runs already, from an older build of planb: starting it anew.")
		if err := a.devDown(c); err != nil {
			return err
		}
		fallthrough
	case pid == 0:
		if err := a.startDetached(c, state, exe); err != nil {
			return err
		}
	default:
		fmt.Fprintf(a.stdout, "It runs already in %s.\n", state)
	}
	info, err := devstack.ReadInfo(state)
	if err != nil {
		return err
	}
	if c.Bool("demo") {
		if err := a.demo(c.Context, state, exe, info); err != nil {
			return fmt.Errorf("the demo failed, everything still runs (see planb dev status): %w", err)
		}
	}
	a.tellStack(c, info)
	return nil
}

// outdated says whether the program that a process runs was replaced since.
func outdated(pid int) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.HasSuffix(exe, " (deleted)")
}

func (a *app) startDetached(c *ucli.Context, state, exe string) error {
	logs := filepath.Join(state, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return err
	}
	logFile := filepath.Join(logs, "dev.log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	progress, child, err := os.Pipe()
	if err != nil {
		return err
	}
	defer progress.Close()
	args := []string{"dev", "up", "--state", state, "--ready-fd", "3"}
	for _, f := range portFlags() {
		if name := f.Names()[0]; c.IsSet(name) {
			args = append(args, "--"+name, c.String(name))
		}
	}
	cmd := exec.Command(exe, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{child}
	// Neither Ctrl-C nor the end of this terminal is to reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, child.Close())
	}
	if err := child.Close(); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-c.Context.Done(): // Ctrl-C while it starts
			_ = cmd.Process.Signal(syscall.SIGTERM)
		case <-ended:
		}
	}()
	if a.copyUntilReady(progress) {
		return cmd.Process.Release()
	}
	err = cmd.Wait()
	if c.Context.Err() != nil {
		return c.Context.Err()
	}
	fmt.Fprintf(a.stderr, "the end of %s:\n%s\n", logFile, devstack.LogTail(logFile, 20))
	return fmt.Errorf("the stack did not start (%w): fix what the lines above say, then try again", err)
}

// copyUntilReady prints what the detached process says and tells whether it
// became ready.
func (a *app) copyUntilReady(r io.Reader) bool {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		text, _, ready := bytes.Cut(buf[:n], []byte{readyByte})
		_, _ = a.stdout.Write(text) // who is gone reads nothing; the stack starts all the same
		if ready || err != nil {
			return ready
		}
	}
}

// tellStack prints where to look and what to try.
func (a *app) tellStack(c *ucli.Context, i devstack.Info) {
	state := c.String("state")
	flag := ""
	if state != "./var" {
		flag = " --state " + shellQuote(state)
	}
	fmt.Fprintf(a.stdout, `
PlanB         %s   user %s   password %s
Mails         %s
Temporal UI   %s/namespaces/%s/workflows
Storage       %s
Demo host     ssh -p %d -i %s %s@%s

Try next:
  eval "$(bin/planb dev env%s)"       # point this shell at it
  bin/planb host list
  bin/planb host add acme/web1 --address web1.example.com --user root
  bin/planb dev status%s              # what runs, and its logs
  bin/planb dev down%s                # stop it; the data stays
`, i.WebURL, i.WebUser, i.WebPassword, i.MailURL, i.TemporalUIURL, i.Namespace, i.Storage,
		i.SSHPort, i.SSHKey, i.SSHUser, i.SSHAddress, flag, flag, flag)
}
