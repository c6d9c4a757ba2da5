package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/policy"
	"planb/worker"
)

// printRun tells the story of a run: what it is, how far it came, what it
// found, and what to do about it.
func (a *app) printRun(c *ucli.Context, r catalog.Run) {
	defer a.printStory(c, r)
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	row("run", r.ID)
	row("host", r.Host)
	row("kind", fmt.Sprintf("%s (%s)", r.Kind, r.Trigger))
	row("state", r.State)
	row("message", string(r.Message))
	row("what to do", string(r.Remedy))
	row("started", when(&r.Started))
	if r.Finished != nil {
		row("finished", fmt.Sprintf("%s, after %s", when(r.Finished), duration(r.DurationSeconds)))
	}
	if r.State == policy.StateWaiting {
		row("waits for", string(r.Reason))
		row("next try", when(r.NextTry))
	}
	if r.State == policy.StateRunning {
		row("step", a.currentStep(c, r))
	}
	row("snapshot", string(r.Snapshot))
	var out activities.Outcome
	if json.Unmarshal(r.Detail, &out) == nil && out.Run != "" {
		printOutcome(row, out)
	}
	if a.hasLog(c, r) {
		row("log", "planb run log "+r.ID)
	}
}

// hasLog says whether a run has a log, as far as the server that has it answers.
func (a *app) hasLog(c *ucli.Context, r catalog.Run) bool {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return true
	}
	all, err := a.readers(c, store)
	if err != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	files, err := all.OfLog(ctx, r, actor())
	if err == nil {
		_, err = files.Log(ctx, r.ID, -1, 0)
	}
	return !errors.Is(err, dataplane.ErrNotFound) && !catalog.IsNotFound(err)
}

func (a *app) currentStep(c *ucli.Context, r catalog.Run) string {
	tc, err := a.temporal(c)
	if err != nil {
		return ""
	}
	st, err := worker.Look(c.Context, tc, r.WorkflowID, r.ID)
	if err != nil || st.Activity == "" {
		return ""
	}
	text, _ := worker.StepName(st.Activity)
	if st.Progress != nil {
		text += ", " + describe(*st.Progress)
	}
	if st.Failure != "" {
		text += fmt.Sprintf(", try %d after: %s", st.Attempt, st.Failure)
	}
	return text
}

func printOutcome(row func(name, value string), out activities.Outcome) {
	row("dataset", out.Dataset)
	if p := out.Pull; p.State != "" {
		row("pull", fmt.Sprintf("%s, rsync exit code %d", p.State, p.Code))
		row("files", fmt.Sprintf("%d in all, %d new, %d transferred, %d deleted", p.FilesTotal, p.FilesCreated, p.FilesTransferred, p.FilesDeleted))
		row("bytes", fmt.Sprintf("%s in all, %s transferred", size(p.BytesTotal), size(p.BytesTransferred)))
		if p.Vanished+p.Failed > 0 {
			row("not read", fmt.Sprintf("%d vanished, %d failed: the log names them", p.Vanished, p.Failed))
		}
		if p.DeletesSkipped {
			row("deletions", "none were made: files gone from the host are still in the snapshot")
		}
	}
	if v := out.Verified; v != nil {
		row("outcome", v.Tally.Outcome())
		for _, f := range verifiedFacts(v.Tally, *v) {
			row(f[0], f[1])
		}
		for _, f := range v.Tally.Findings {
			row("not right", f.Path+" "+f.Text)
		}
	}
	for _, g := range out.Guards {
		row("guard "+g.Guard, g.Reason)
	}
	if out.Held != "" {
		row("held", out.Held+", the last good snapshot, until somebody decides")
	}
	if out.Pruned > 0 {
		row("pruned", snapshotCount(out.Pruned))
	}
	if m := out.Measured; m != nil {
		row("dataset uses", fmt.Sprintf("%s, with %d snapshots", size(m.Used), m.SnapshotCount))
	}
}
