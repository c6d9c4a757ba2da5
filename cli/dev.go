package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"
	"golang.org/x/term"

	"planb/internal/devstack"
)

func (a *app) devCommand() *ucli.Command {
	state := &ucli.StringFlag{Name: "state", Value: "./var", Usage: "keep everything in `DIR`"}
	return &ucli.Command{
		Name: "dev", Usage: "run PlanB and all it needs on this machine: PostgreSQL, Temporal, ZFS in a file, a demo host",
		Description: "Everything lives in one directory, listens on loopback addresses only, and\n" +
			"goes on where it was after a restart or a crash. Several may run side by side,\n" +
			"each in a directory of its own.",
		Subcommands: []*ucli.Command{
			{
				Name: "up", Usage: "start it, and keep it running until Ctrl-C", Action: a.devUp,
				Flags: append([]ucli.Flag{
					state,
					&ucli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "return once all is ready, leaving it running"},
					&ucli.BoolFlag{Name: "demo", Usage: "with --detach: back this machine up twice and restore a file, for show"},
					// How the detached process hears of itself; of no use by hand.
					&ucli.IntFlag{Name: "ready-fd", Hidden: true},
				}, portFlags()...),
			},
			{Name: "down", Usage: "stop it; the data stays", Action: a.devDown, Flags: []ucli.Flag{state}},
			{
				Name: "status", Usage: "show what runs and where", Action: a.devStatus,
				Flags: []ucli.Flag{state, jsonFlag()},
			},
			{
				Name: "env", Usage: "print the settings that point planb at it: eval \"$(planb dev env)\"",
				Action: a.devEnv, Flags: []ucli.Flag{state},
			},
			a.devMailCommand(),
			{Name: "build", Usage: "build Temporal's server, schema tool and web UI, beside planb, where they are missing", Action: a.devBuild},
		},
	}
}

func portFlags() []ucli.Flag {
	var flags []ucli.Flag
	for _, name := range []string{"web", "data", "postgres", "temporal", "temporal-ui", "ssh"} {
		flags = append(flags, &ucli.IntFlag{Name: name + "-port", Usage: "`PORT` to listen on, instead of a free one"})
	}
	return flags
}

// stack describes the stack that the flags name. It is for looking and
// stopping; devUp adds what starting needs.
func stack(c *ucli.Context, o devstack.Options) (*devstack.Stack, error) {
	if c.Args().Present() {
		return nil, usagef("planb %s takes no arguments", c.Command.FullName())
	}
	o.State = c.String("state")
	return devstack.New(o)
}

// existing is stack for a directory that must be there already.
func existing(c *ucli.Context) (*devstack.Stack, error) {
	if _, err := os.Stat(c.String("state")); errors.Is(err, os.ErrNotExist) {
		return nil, noStack(c)
	}
	return stack(c, devstack.Options{})
}

func noStack(c *ucli.Context) error {
	return notFoundf("nothing was started in %s yet: start it with planb dev up, or name another directory with --state", c.String("state"))
}

// devBuild builds Temporal, with progress on a terminal.
func (a *app) devBuild(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb dev build takes no arguments")
	}
	bin, err := devstack.DefaultBin()
	if err != nil {
		return err
	}
	return devstack.BuildTemporal(c.Context, bin, a.stderr, a.terminal)
}

func (a *app) devDown(c *ucli.Context) error {
	s, err := existing(c)
	if err != nil {
		return err
	}
	pid, _ := devstack.Supervisor(s.State)
	fmt.Fprintf(a.stdout, "Stopping what runs in %s; transfers under way end in good order first.\n", s.State)
	if err := s.Down(c.Context); err != nil {
		return err
	}
	if pid == 0 {
		fmt.Fprintln(a.stdout, "Nothing runs there now; no supervisor did.")
		return nil
	}
	fmt.Fprintln(a.stdout, "Stopped. The data is still there; planb dev up goes on with it.")
	return nil
}

func (a *app) devStatus(c *ucli.Context) error {
	s, err := existing(c)
	if err != nil {
		return err
	}
	rows, err := s.Status(c.Context)
	if errors.Is(err, devstack.ErrNone) {
		return noStack(c)
	}
	if err != nil {
		return err
	}
	err = list(a, c, rows, "COMPONENT STATE PID ADDRESS LOG", func(r devstack.Status) []string {
		pid := ""
		if r.PID != nil {
			pid = strconv.Itoa(*r.PID)
		}
		return []string{r.Component, r.State, pid, r.Address, r.Log}
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.State != "running" {
			return errSilent
		}
	}
	return nil
}

func (a *app) devEnv(c *ucli.Context) error {
	s, err := existing(c)
	if err != nil {
		return err
	}
	info, err := devstack.ReadInfo(s.State)
	if errors.Is(err, devstack.ErrNone) {
		return noStack(c)
	}
	if err != nil {
		return err
	}
	for _, kv := range stackEnv(info) {
		k, v, _ := strings.Cut(kv, "=")
		fmt.Fprintf(a.stdout, "export %s=%s\n", k, shellQuote(v))
	}
	return nil
}

// stackEnv is what points any planb command at a stack, "KEY=value".
func stackEnv(i devstack.Info) []string {
	return []string{
		"PLANB_CONFIG=" + i.Config, "PLANB_DATABASE_URL=" + i.DatabaseURL,
		"TEMPORAL_ADDRESS=" + i.TemporalAddress, "TEMPORAL_NAMESPACE=" + i.Namespace,
		"PLANB_WEB_URL=" + i.WebURL, "PLANB_WEB_USER=" + i.WebUser, "PLANB_WEB_PASSWORD=" + i.WebPassword,
		"PLANB_TEMPORAL_UI_URL=" + i.TemporalUIURL, "PLANB_STORAGE=" + i.Storage,
	}
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// isTerminal says whether progress may be redrawn on w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// runStack runs the stack in this process until ctx ends.
func runStack(ctx context.Context, s *devstack.Stack, ready func()) error {
	err := s.Run(ctx, ready)
	if errors.Is(err, devstack.ErrRunning) {
		return refusedf("%w: see planb dev status, end it with planb dev down, or name another directory with --state", err)
	}
	return err
}
