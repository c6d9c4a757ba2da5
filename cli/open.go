package cli

import (
	"context"
	"log/slog"
	"os"
	"os/user"

	ucli "github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"

	"planb/internal/catalog"
	"planb/worker"
)

// commands are all commands, as the help lists them.
func (a *app) commands() []*ucli.Command {
	return append([]*ucli.Command{
		a.devCommand(),
		a.serveCommand(), a.controlCommand(), a.workerCommand(), a.webCommand(), a.migrateCommand(),
		a.groupCommand(), a.hostCommand(), a.policyCommand(),
		a.backupCommand(), a.runsCommand(), a.runCommand(),
		a.snapshotsCommand(), a.snapshotCommand(), a.pruneCommand(), a.lsCommand(), a.findCommand(), a.historyCommand(), a.diffCommand(), a.restoreCommand(), a.verifyCommand(),
		a.scheduleCommand(), a.storageCommand(), a.billingCommand(), a.noticesCommand(), a.notifyCommand(), a.reportCommand(),
		a.userCommand(), a.tokenCommand(),
		a.exportCommand(), a.importCommand(), a.applyCommand(), a.doctorCommand(),
	}, a.firstCommands()...)
}

// catalog opens the catalog, and names the person at the keyboard as the one
// who makes the changes.
func (a *app) catalog(c *ucli.Context) (context.Context, *catalog.Store, error) {
	cfg, err := a.config(c)
	if err != nil {
		return nil, nil, err
	}
	if a.store == nil {
		if a.store, err = catalog.Open(c.Context, cfg.Database.URL); err != nil {
			return nil, nil, err
		}
		a.closers = append(a.closers, a.store.Close)
	}
	return catalog.WithActor(c.Context, actor()), a.store, nil
}

// temporal connects to Temporal.
func (a *app) temporal(c *ucli.Context) (client.Client, error) {
	cfg, err := a.config(c)
	if err != nil {
		return nil, err
	}
	if a.tc == nil {
		// Libraries do not log between the lines that people read.
		quiet := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
		if a.tc, err = worker.Dial(c.Context, cfg, quiet); err != nil {
			return nil, err
		}
		a.closers = append(a.closers, a.tc.Close)
	}
	return a.tc, nil
}

// actor is who runs this command: the person behind sudo, where there is one.
func actor() string {
	name := os.Getenv("SUDO_USER")
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	if name == "" {
		name = "unknown"
	}
	return name + " (cli)"
}

// catalogStatus is the exit status for an error of the catalog, or exitFailed.
func catalogStatus(err error) int {
	switch {
	case catalog.IsNotFound(err):
		return exitNotFound
	case catalog.IsRefused(err), catalog.IsExists(err):
		return exitRefused
	case catalog.IsInvalid(err), isNameError(err):
		return exitUsage
	}
	return exitFailed
}
