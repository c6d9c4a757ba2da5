package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/ident"
	"planb/web/api"
	"planb/web/api/client"
	"planb/worker"
	"planb/workflows"
)

func (a *app) hostProbe(c *ucli.Context) error {
	host, err := hostArg(c)
	if err != nil {
		return err
	}
	var report activities.ProbeReport
	named, err := a.through(c, func(s *client.Client) error {
		begun, err := s.Probe(c.Context, host, api.Probe{Pin: c.Bool("pin")})
		if err != nil {
			return err
		}
		return a.remoteAwait(c, s, host, begun, &report)
	})
	if !named {
		err = a.probeHere(c, host, &report)
	}
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if err := a.printObject(report); err != nil {
			return err
		}
	} else {
		a.printProbe(report)
	}
	if !report.Ready {
		return fmt.Errorf("%s cannot be backed up now: %s", host, strings.TrimSuffix(report.Problem+": "+report.Remedy, ": "))
	}
	return nil
}

// probeHere has a host looked at where the database is.
func (a *app) probeHere(c *ucli.Context, host ident.Host, report *activities.ProbeReport) error {
	o, err := a.open(c, host)
	if err != nil {
		return err
	}
	run, err := worker.StartProbe(o.ctx, o.tc, workflows.ProbeInput{Host: host, Pin: c.Bool("pin")})
	return a.await(c, host, run, err, report)
}

func (a *app) printProbe(r activities.ProbeReport) {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(name, value string) { fmt.Fprintf(w, "%s\t%s\n", name, value) }
	row("reachable", yesNo(r.Reachable))
	keys := "pinned"
	if r.KeysLearned {
		keys = "seen for the first time, not pinned: --pin pins them, and so does the first backup"
	}
	for _, k := range r.HostKeys {
		row("host key", k+" ("+keys+")")
	}
	for _, k := range r.JumpHostKeys {
		row("jump host key", k+" (seen for the first time)")
	}
	if r.Restricted {
		row("ssh key", "restricted to backups")
		row("warning", r.Warning)
	}
	if !r.Reachable || r.Restricted || r.Rsync == "" && r.Problem != "" {
		return
	}
	row("rsync", fmt.Sprintf("%s, ACLs %s, xattrs %s", r.Rsync, yesNo(r.ACLs), yesNo(r.Xattrs)))
	row("sudo rsync", yesNo(r.Sudo))
	row("ionice", yesNo(r.IONice))
	row("do-not-run", strings.Join(orNone(r.DoNotRun), ", "))
	if r.CheckFile != "" {
		row("check file", r.CheckFile+": "+map[bool]string{true: "there", false: "missing"}[r.CheckFileThere])
	}
}

func orNone(list []string) []string {
	if len(list) == 0 {
		return []string{"nothing"}
	}
	return list
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
