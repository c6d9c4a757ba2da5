// Package cli holds the commands of planb: each parses its arguments, calls
// what does the work, and prints a table or JSON.
package cli

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	ucli "github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"
	"golang.org/x/term"

	"planb/internal/catalog"
	"planb/internal/config"
	apiclient "planb/web/api/client"
)

// Version is set when the binary is built.
var Version = "dev"

// app is what every command shares: the streams, and what it opens on demand.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	// terminal says whether stderr is one: progress is drawn there only.
	terminal bool
	// piped says whether stdout is not one: archives may be written there.
	piped bool
	// asks says whether stdin is a terminal, so that questions can be answered.
	asks    bool
	answers *bufio.Reader

	cfg     *config.Config
	store   *catalog.Store
	tc      client.Client
	client  *apiclient.Client
	closers []func()
}

// Main runs the command that args name and gives the exit status.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(),
		terminal: term.IsTerminal(int(os.Stderr.Fd())),
		piped:    !term.IsTerminal(int(os.Stdout.Fd())),
		asks:     term.IsTerminal(int(os.Stdin.Fd())),
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(a.stderr, nil)))
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	defer a.close()
	root := a.root()
	return a.report(root.RunContext(ctx, permute(root, args)))
}

func (a *app) close() {
	for i := len(a.closers) - 1; i >= 0; i-- {
		a.closers[i]()
	}
	a.closers = nil
}

func (a *app) root() *ucli.App {
	root := ucli.NewApp()
	root.Name = "planb"
	root.Usage = "back up many hosts onto ZFS, keep versions, restore"
	root.Version = Version
	root.Description = "A host is always group/name, e.g. acme/web1.\n" +
		"Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 refused\n" +
		"(policy, guard, permission, already running)."
	root.Writer, root.ErrWriter = a.stdout, a.stderr
	root.HideHelpCommand = true
	root.ExitErrHandler = func(*ucli.Context, error) {}
	root.OnUsageError = badFlag
	root.Flags = []ucli.Flag{
		&ucli.StringFlag{Name: "config", Usage: "read `FILE` instead of $PLANB_CONFIG or " + config.DefaultPath},
	}
	root.Flags = append(root.Flags, remoteFlags()...)
	root.Action = func(c *ucli.Context) error {
		if c.Args().Present() {
			return usagef("there is no command %q: see planb --help", c.Args().First())
		}
		return ucli.ShowAppHelp(c)
	}
	root.Commands = a.commands()
	var quiet func(cmds []*ucli.Command, of string)
	quiet = func(cmds []*ucli.Command, of string) {
		for _, c := range cmds {
			c.OnUsageError = badFlag
			c.HideHelpCommand = true
			if c.Action == nil {
				c.Action = missingSubcommand
			}
			a.locally(c, of+c.Name)
			quiet(c.Subcommands, of+c.Name+" ")
		}
	}
	quiet(root.Commands, "")
	return root
}

func missingSubcommand(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb %s has no command %q: see planb %s --help", c.Command.FullName(), c.Args().First(), c.Command.FullName())
	}
	return ucli.ShowSubcommandHelp(c)
}

// config reads the configuration once.
func (a *app) config(c *ucli.Context) (*config.Config, error) {
	if a.cfg == nil {
		cfg, err := config.Load(c.String("config"), a.environ)
		if err != nil {
			return nil, err
		}
		a.cfg = cfg
	}
	return a.cfg, nil
}

// badFlag says what is wrong with a flag, and where the right ones are listed.
func badFlag(c *ucli.Context, err error, _ bool) error {
	name := c.App.Name
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != name {
		name += " " + c.Command.FullName()
	}
	text := err.Error()
	if flag, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		text = "there is no flag --" + strings.TrimPrefix(flag, "-")
	}
	return usagef("%s: see %s --help", text, name)
}
