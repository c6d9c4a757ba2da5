package cli

import (
	"encoding/json"
	"errors"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/ident"
	"planb/web/api"
	"planb/web/api/client"
	"planb/worker"
)

// remoteAwait is await for a run that a server has begun: it shows the progress,
// reads the result into out (nil for none), and gives its error as one for
// people. Something for which there was nothing to wait leaves out as it is.
func (a *app) remoteAwait(c *ucli.Context, server *client.Client, host ident.Host, begun api.Begun, out any) error {
	if begun.Run == nil || begun.WorkflowID == nil {
		return nil
	}
	f, err := a.remoteFollow(c, server, startedRun{host: host, workflowID: *begun.WorkflowID, run: *begun.Run})
	switch {
	case err != nil:
		return err
	case f.Error != nil && f.Error.Code == api.CodeNotFound:
		return notFoundf("%s", f.Error.Text)
	case f.Error != nil && f.Error.Code == api.CodeConflict:
		return refusedf("%s", f.Error.Text)
	case f.Error != nil:
		return errors.New(f.Error.Text)
	case out == nil || len(f.Result) == 0:
		return nil
	}
	return json.Unmarshal(f.Result, out)
}

// remoteFollow shows the progress of a run as follow does, until it has ended.
func (a *app) remoteFollow(c *ucli.Context, server *client.Client, s startedRun) (api.Followed, error) {
	w := &watcher{app: a, run: s, runs: server, began: time.Now()}
	defer w.clear()
	for {
		f, err := server.Follow(c.Context, s.host, s.workflowID, s.run)
		if err != nil || f.Ended {
			return f, err
		}
		w.see(c.Context, worker.Status{
			Activity: f.Activity, Attempt: f.Attempt, Failure: f.Failure, Waiting: f.Waiting, Progress: f.Progress,
		})
		select {
		case <-c.Context.Done():
			return f, c.Context.Err()
		case <-time.After(lookEvery):
		}
	}
}
