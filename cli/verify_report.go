package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/verify"
	"planb/internal/zfs"
)

// verifyReport prints the evidence, for people or as JSON.
func (a *app) verifyReport(c *ucli.Context) error {
	f, err := reportFilter(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	found, err := store.Verifications(ctx, f)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		// Of a removed host there may be evidence; without any, it has to be there.
		if f.Host != (ident.Host{}) {
			if _, err := store.Host(ctx, f.Host); err != nil {
				return err
			}
		}
		if f.Group != "" {
			if _, err := store.Group(ctx, f.Group); err != nil {
				return err
			}
		}
	}
	if c.Bool("json") {
		return a.printJSON(found)
	}
	writeEvidence(a.stdout, found, f, time.Now())
	return nil
}

func reportFilter(c *ucli.Context) (f catalog.VerificationFilter, err error) {
	switch {
	case c.Args().Len() > 1, c.Args().Present() && c.IsSet("group"):
		return f, usagef("name one host, or --group G, or nothing for all")
	case c.Bool("all"), c.IsSet("sample"):
		return f, usagef("--all and --sample are for a verification, not for its report")
	}
	if c.Args().Present() {
		if f.Host, err = ident.ParseHost(c.Args().First()); err != nil {
			return f, usageError(err)
		}
	}
	f.Visible, f.Group = catalog.Everything(), c.String("group")
	if text := c.String("since"); text != "" {
		if f.Since, err = time.ParseInLocation(time.DateOnly, text, time.Local); err != nil {
			return f, usagef("--since %q is no date: write it as 2026-11-01", text)
		}
	}
	return f, nil
}

// evidenceTime is for papers that are read elsewhere and later: UTC.
func evidenceTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// writeEvidence writes what an auditor wants to see: what was done, when, with
// which result, and what that rests on.
func writeEvidence(w io.Writer, list []catalog.Verification, f catalog.VerificationFilter, now time.Time) {
	of := "all hosts"
	switch {
	case f.Host != (ident.Host{}):
		of = "host " + f.Host.String()
	case f.Group != "":
		of = "the hosts of group " + f.Group
	}
	since := ""
	if !f.Since.IsZero() {
		since = " since " + evidenceTime(f.Since)
	}
	fmt.Fprintf(w, "Verifications of backups of %s%s\nPrinted %s\n", of, since, evidenceTime(now))
	if len(list) == 0 {
		fmt.Fprintln(w, "\nThere are none.")
		return
	}
	counts := map[string]int{}
	for _, v := range list {
		counts[v.Outcome]++
	}
	fmt.Fprintf(w, "%d in all: %d proven, %d with a mismatch, %d that proved nothing\n",
		len(list), counts[verify.Proven], counts[verify.Mismatch], counts[verify.Unproven])
	for _, v := range list {
		writeOne(w, v)
	}
	fmt.Fprint(w, `
A verification restores files of a snapshot as planb restore does, reads them
back, and compares them: with the snapshot (content, owner, mode, times, ACLs,
extended attributes), with the host's own file unless that was changed since, and
with the checksum that the host computed when it sent the file. Proven means that
nothing differed, and that at least one file was found equal to what came from
the host.
`)
}

func writeOne(w io.Writer, v catalog.Verification) {
	fmt.Fprintf(w, "\n%s  %s  %s\n", strings.ToUpper(v.Outcome), v.Host, evidenceTime(v.Started))
	row := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(w, "  %-16s %s\n", name, text)
		}
	}
	row("result", "%s", v.Summary)
	row("snapshot", "%s@%s on %s", v.Dataset, v.Snapshot, v.Server)
	if v.SnapshotCreated != nil {
		row("taken", "%s", evidenceTime(*v.SnapshotCreated))
	}
	row("sample", "%s", v.Sample)
	row("restored", "%d files, %d bytes, in %.1f seconds", v.Files, v.Bytes, v.RestoreSeconds)
	row("equal", "%d files: %d to the host's own, %d to the checksum of backup time", v.Compared, v.ByHost, v.ByChecksum)
	row("host not asked", "%s", v.HostNotAsked)
	row("not comparable", "%s", countOrNothing(v.NotComparable))
	for _, name := range names(v.Uncompared) {
		row("", "%s", name)
	}
	row("left out", "%s", countOrNothing(v.TooLarge))
	if v.Canaries > 0 {
		row("canaries", "%d of %d equal", v.CanariesOK, v.Canaries)
	}
	row("other attributes", "%s", countOrNothing(v.Attributes))
	for _, name := range names(v.AttributeFiles) {
		row("", "%s", name)
	}
	row("not right", "%s", countOrNothing(v.Mismatched))
	var findings []verify.Finding
	_ = json.Unmarshal(v.Findings, &findings) // what this program wrote
	for _, f := range findings {
		row("", "%s %s", f.Path, f.Text)
	}
	row("pool", "%s, %s", v.Pool, strings.Join(orNone(nonEmpty(v.PoolHealth, "last scrub "+scrub(string(v.ScrubState), v.ScrubAt, v.ScrubErrors, v.DataErrors))), ", "))
	row("took", "%s, until %s", duration(v.Finished.Sub(v.Started).Seconds()), evidenceTime(v.Finished))
	row("by", "planb %s, run %s (%s)", v.WorkerVersion, v.Run, v.Trigger)
}

func names(list json.RawMessage) (out []string) {
	_ = json.Unmarshal(list, &out) // what this program wrote
	return out
}

func nonEmpty(list ...string) (out []string) {
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// scrub says when a pool was last scrubbed, and what that found. Times are in
// UTC.
func scrub(state string, at *time.Time, errs, dataErrors *int64) string {
	text := "unknown"
	switch {
	case at != nil:
		text = evidenceTime(*at)
		if errs != nil {
			text += fmt.Sprintf(", %d errors", *errs)
		}
		if state != zfs.ScrubDone {
			text += " (" + state + " now)"
		}
	case state != "":
		text = state
	}
	if dataErrors != nil && *dataErrors > 0 {
		text += fmt.Sprintf("; %d data errors are known", *dataErrors)
	}
	return text
}
