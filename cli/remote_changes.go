package cli

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/settings"
	"planb/web/api"
	"planb/web/api/client"
	"planb/workflows"
)

// remoteBackups starts backups through a server, and waits as runBackups does.
func (a *app) remoteBackups(c *ucli.Context, server *client.Client, o backupOptions) error {
	var started []startedRun
	var refusals []error
	for _, h := range o.hosts {
		s, err := server.BackUp(c.Context, h, api.Backup{Keep: o.keep, Now: o.now})
		var told *client.Error
		if errors.As(err, &told) && told.Status == http.StatusConflict {
			refusals = append(refusals, refusedf("%w", err))
			continue
		}
		if err != nil {
			return err
		}
		started = append(started, startedRun{host: h, workflowID: s.WorkflowID, run: s.Run})
		if !o.json && !o.wait {
			fmt.Fprintf(a.stdout, "%s started, run %s\n", h, s.Run)
		}
	}
	ends := []catalog.Run{}
	for _, s := range started {
		r, err := a.remoteEnd(c, server, s, o.wait)
		if err != nil {
			return err
		}
		ends = append(ends, r)
		if o.wait && !o.json {
			a.printEnd(r)
		}
	}
	if o.json {
		if err := a.printJSON(ends); err != nil {
			return err
		}
	}
	return worst(refusals, ends)
}

// unrecorded is how long a run that was started may be unknown to the catalog.
const unrecorded = time.Minute

// remoteEnd asks for a run until it has ended, or until it is on record. It shows
// the progress of a run that it waits for, unless that is of no host.
func (a *app) remoteEnd(c *ucli.Context, server *client.Client, s startedRun, wait bool) (catalog.Run, error) {
	began := time.Now()
	for {
		r, err := server.Run(c.Context, s.run)
		var told *client.Error
		if err == nil && wait && r.Finished == nil && !s.host.IsZero() {
			s.workflowID = r.WorkflowID
			if _, err := a.remoteFollow(c, server, s); err != nil {
				return r, err
			}
			s.host = ident.Host{} // it has ended: what is left is its record
			continue
		}
		missing := errors.As(err, &told) && told.Status == http.StatusNotFound && time.Since(began) < unrecorded
		switch {
		case err != nil && !missing:
			return r, err
		case err == nil && (!wait || r.Finished != nil):
			return r, nil
		}
		select {
		case <-c.Context.Done():
			return r, c.Context.Err()
		case <-time.After(lookEvery):
		}
	}
}

// remoteChange puts what the flags say as the API takes it. They were checked
// before.
func remoteChange(c *ucli.Context, e catalog.HostEdit) api.HostChange {
	change := api.HostChange{Storage: e.Storage, Dataset: e.Dataset, Notes: e.Notes, Tags: e.Tags, HostKeys: e.HostKeys, SettingsChange: remoteSettings(c)}
	if c.IsSet("address") {
		change.Address = new(c.String("address"))
	}
	return change
}

// remoteSettings puts settings of a policy as the API takes them.
func remoteSettings(c *ucli.Context) api.SettingsChange {
	change := api.SettingsChange{Settings: map[string][]string{}}
	for _, f := range settings.All() {
		if !c.IsSet(f.Flag) {
			continue
		}
		switch f.Kind {
		case settings.Single:
			change.Settings[f.Flag] = []string{c.String(f.Flag)}
		case settings.YesNo:
			change.Settings[f.Flag] = []string{strconv.FormatBool(c.Bool(f.Flag))}
		case settings.List:
			change.Settings[f.Flag] = append([]string{}, listValue(c, f.Flag)...)
		}
	}
	for _, field := range listValue(c, "unset") {
		if f, known := settings.Find(field); known {
			change.Unset = append(change.Unset, f.Flag)
		}
	}
	return change
}

// remoteHostAdd adds a host that the flags describe, like another one unless
// that is "".
func (a *app) remoteHostAdd(c *ucli.Context, server *client.Client, n catalog.NewHost, like string) error {
	e, err := hostChange(c)
	if err != nil {
		return err
	}
	_, missing := server.Group(c.Context, n.Host.Group)
	in := api.NewHost{Like: like, HostChange: remoteChange(c, e), DisabledReason: n.DisabledReason}
	if err := server.AddHost(c.Context, n.Host, in); err != nil {
		return err
	}
	var told *client.Error
	a.toldAdded(n.Host, n.DisabledReason == "", errors.As(missing, &told) && told.Status == http.StatusNotFound)
	return nil
}

func (a *app) remoteSetEnabled(c *ucli.Context, server *client.Client, hosts []ident.Host, enabled bool, said string) error {
	for _, h := range hosts {
		if _, err := server.Host(c.Context, h); err != nil {
			return err
		}
	}
	for _, h := range hosts {
		if err := server.SetEnabled(c.Context, h, enabled, c.String("reason")); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s %s.\n", said, h)
	}
	return nil
}

func (a *app) remoteCancel(c *ucli.Context, server *client.Client, r catalog.Run) error {
	if err := server.Cancel(c.Context, r.ID); err != nil {
		return err
	}
	if _, err := a.remoteEnd(c, server, startedRun{run: r.ID}, true); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s of %s cancelled\n", r.Kind, r.Host)
	return nil
}

// remoteSnapshot changes a snapshot; until is the last day of a hold.
func remoteSnapshot(c *ucli.Context, server *client.Client, target ident.HostSnap, in workflows.ChangeSnapshotInput, until string) error {
	switch in.Change {
	case activities.ChangeHold:
		return server.Hold(c.Context, target, api.Hold{Reason: in.Reason, Until: until})
	case activities.ChangeRelease:
		return server.Release(c.Context, target)
	}
	return server.RemoveSnapshot(c.Context, target)
}
