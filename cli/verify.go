package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/verify"
	"planb/web/api"
	"planb/worker"
	"planb/workflows"
)

func (a *app) verifyCommand() *ucli.Command {
	return &ucli.Command{
		Name: "verify", Usage: "prove that a snapshot can be restored, or print the evidence", ArgsUsage: "HOST[@SNAP] | --report [HOST]",
		Description: "Restores a sample of files to a place of its own on the storage server, compares them\n" +
			"with the host's own files, unless those were changed since, and with the checksums of\n" +
			"backup time, removes them, and keeps the evidence for good. Without SNAP it is the newest\n" +
			"good snapshot; a date as in @2026-11-20 is the last one up to the end of that day. Which\n" +
			"files, and how often this happens by itself, are settings of the host: --verify-sample,\n" +
			"--canary and --verify-every of planb host edit.\n\n" +
			"--report prints the evidence there is: of one host, of --group, or of all.\n\n" +
			"Exit status: 0 proven, 1 a file is not as it has to be, or nothing could be compared,\n" +
			"3 no such host or snapshot, 4 a verification of the host is under way already.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "all", Usage: "every file, not a sample"},
			&ucli.StringFlag{Name: "sample", Usage: "these `FILES` in place of those of the policy: random=50,largest=5,bytes=2G"},
			&ucli.BoolFlag{Name: "report", Usage: "print the evidence of verifications"},
			&ucli.StringFlag{Name: "group", Usage: "with --report: of the hosts of `G`"},
			&ucli.StringFlag{Name: "since", Usage: "with --report: from `DATE` on, as 2026-11-01"},
			jsonFlag(),
		},
		Action: a.verify,
	}
}

func (a *app) verify(c *ucli.Context) error {
	if c.Bool("report") {
		return a.verifyReport(c)
	}
	in, err := a.verifyInput(c)
	if err != nil {
		return err
	}
	ends, err := a.verified(c, in)
	if err != nil {
		return err
	}
	r := ends[0]
	var out activities.Outcome
	_ = json.Unmarshal(r.Detail, &out) // a run that ended early has none
	if c.Bool("json") {
		if err := a.printJSON(ends); err != nil {
			return err
		}
	} else if out.Verified != nil {
		a.tellVerified(r, *out.Verified)
	}
	return verifyEnd(r, out)
}

// verified starts a verification, and waits for its end.
func (a *app) verified(c *ucli.Context, in workflows.VerifyInput) ([]catalog.Run, error) {
	server, err := a.remote(c)
	if err != nil {
		return nil, err
	}
	if server != nil {
		s, err := server.Verify(c.Context, in.Host, api.Verification{Snapshot: in.Snapshot, Sample: c.String("sample"), All: c.Bool("all")})
		if err != nil {
			return nil, err
		}
		r, err := a.remoteEnd(c, server, startedRun{host: in.Host, workflowID: s.WorkflowID, run: s.Run}, true)
		return []catalog.Run{r}, err
	}
	ctx, op, err := a.operator(c)
	if err != nil {
		return nil, err
	}
	run, err := op.Verify(ctx, in)
	var running *worker.AlreadyRunningError
	if errors.As(err, &running) {
		return nil, refusedf("%w: see planb run show %s", err, running.Run)
	}
	if err != nil {
		return nil, err
	}
	s := startedRun{host: in.Host, workflowID: workflows.VerifyID(in.Host), run: run}
	return a.waitFor(c, []startedRun{s}, backupOptions{wait: true, json: true})
}

func (a *app) verifyInput(c *ucli.Context) (in workflows.VerifyInput, err error) {
	switch {
	case c.Args().Len() != 1:
		return in, usagef("name one host: planb verify HOST[@SNAP]")
	case c.Bool("all") && c.IsSet("sample"):
		return in, usagef("--all takes every file: leave --sample out")
	case c.IsSet("group"), c.IsSet("since"):
		return in, usagef("--group and --since go with --report")
	}
	target, err := ident.ParseHostSnap(c.Args().First())
	if err != nil {
		return in, usageError(err)
	}
	in = workflows.VerifyInput{Host: target.Host, Trigger: activities.TriggerManual}
	if c.IsSet("sample") {
		if in.Sample, err = policy.ParseSample(c.String("sample")); err != nil {
			return in, usagef("--sample: %w", err)
		}
	}
	if c.Bool("all") {
		in.Sample = policy.Sample{All: true, Bytes: policy.DefaultSampleBytes}
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return in, err
	}
	if _, err := store.Host(ctx, target.Host); err != nil {
		return in, err
	}
	in.Snapshot, err = chooseSnapshot(ctx, store, target)
	return in, err
}

// tellVerified says what was found.
func (a *app) tellVerified(r catalog.Run, v activities.Verified) {
	t := v.Tally
	fmt.Fprintf(a.stdout, "%s@%s: %s\n", r.Host, r.Snapshot, t.Outcome())
	for _, f := range verifiedFacts(t, v) {
		if f[1] != "" {
			fmt.Fprintf(a.stdout, "  %-15s %s\n", f[0], f[1])
		}
	}
	for _, f := range t.Findings {
		fmt.Fprintf(a.stdout, "  %-15s %s %s\n", "not right", f.Path, f.Text)
	}
	if r.Message != "" && t.Outcome() == verify.Proven {
		fmt.Fprintf(a.stdout, "  %s\n", r.Message)
	}
}

func verifiedFacts(t verify.Tally, v activities.Verified) [][2]string {
	canaries := ""
	if t.Canaries > 0 {
		canaries = fmt.Sprintf("%d of %d equal", t.CanariesOK, t.Canaries)
	}
	large := ""
	if t.TooLarge > 0 {
		large = fmt.Sprintf("%d files, larger than the sample or the scratch place allows", t.TooLarge)
	}
	return [][2]string{
		{"restored", fmt.Sprintf("%d files, %s, in %s", t.Files, size(t.Bytes), duration(v.RestoreSeconds))},
		{"equal", fmt.Sprintf("%d: %d to the host's own file, %d to the checksum of backup time", t.Compared, t.ByHost, t.BySum)},
		{"not comparable", countOrNothing(t.NotComparable)},
		{"canaries", canaries},
		{"left out", large},
		{"not readable", countOrNothing(t.Unread)},
		{"host not asked", v.HostNotAsked},
		{"last scrub", scrubText(v.Room)},
	}
}

func countOrNothing(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func scrubText(room activities.StorageRoom) string {
	if room.Scrub == nil {
		return ""
	}
	return scrub(room.Scrub.State, room.Scrub.At, &room.Scrub.Errors, &room.Scrub.DataErrors)
}

// verifyEnd is the error that the command ends with.
func verifyEnd(r catalog.Run, out activities.Outcome) error {
	if out.Verified != nil && out.Verified.Tally.Outcome() == verify.Proven {
		return nil
	}
	text := string(r.Message)
	if r.Remedy != "" {
		text += ": " + string(r.Remedy)
	}
	return fmt.Errorf("the verification of %s ended %s: %s", r.Host, r.State, text)
}
