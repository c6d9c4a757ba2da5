package cli

import (
	"context"
	"errors"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/ident"
	"planb/web/api"
	"planb/web/api/client"
	"planb/workflows"
)

// remoteRestore restores through a server, and waits as restore does.
func (a *app) remoteRestore(c *ucli.Context, server *client.Client, in workflows.RestoreInput) error {
	ask := api.Restore{
		Snapshot: in.Snapshot, Paths: in.Paths, To: in.To, Tar: in.Tar, Prefix: in.Prefix,
		Overwrite: in.Overwrite, Delete: in.Delete, AsSelf: in.AsSelf, DryRun: in.DryRun,
	}
	if in.ToHost != (ident.Host{}) {
		ask.ToHost = in.ToHost.String()
	}
	s, err := server.Restore(c.Context, in.Host, ask)
	if err != nil {
		return err
	}
	r, err := a.remoteEnd(c, server, startedRun{host: in.Host, workflowID: s.WorkflowID, run: s.Run}, true)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted; the restore goes on: planb run cancel %s ends it", s.Run)
	}
	if err != nil {
		return err
	}
	return a.tellRestored(c.Context, c, server, in, r)
}
