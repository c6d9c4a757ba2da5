package hosts

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker"
)

// hostView is the page of one host.
type hostView struct {
	liveView
	host   catalog.Host
	about  catalog.HostOverview
	policy policy.Effective
	// snaps are the newest first; more is how many are left out.
	snaps []snapView
	more  int
	// suspects are those that wait for a decision, guards why.
	suspects []string
	guards   []string
	// backups are the last ones that ended, the oldest first, for the charts.
	backups []catalog.Run
	// last is the newest of them but those that were skipped.
	last *catalog.Run
}

// liveView is the part of the page that changes while something is under way.
type liveView struct {
	name ident.Host
	// running are the runs under way, recent the last ones of all kinds.
	running []liveRun
	recent  []catalog.Run
	// away says that Temporal does not tell how they do.
	away bool
	// begun says that a run was just asked for, and will be seen in a moment.
	begun bool
}

type liveRun struct {
	catalog.Run
	status worker.Status
}

// snapView is a snapshot with what retention says of it.
type snapView struct {
	catalog.Snapshot
	keep    bool
	reasons []string
}

const (
	// charted is how many backups the charts show, recentRuns how many runs are
	// listed, and usualSnaps how many snapshots unless all are asked for.
	charted    = 40
	recentRuns = 8
	usualSnaps = 25
	// lookPatience bounds asking Temporal: the page is of use without.
	lookPatience = 2 * time.Second
)

func (p Page) show(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	v, err := p.read(r.Context(), host, r.FormValue("snapshots") == "all")
	if err != nil {
		return err
	}
	v.begun = r.FormValue("begun") != ""
	return server.Render(w, r, http.StatusOK, hostPage(v))
}

func (p Page) read(ctx context.Context, host ident.Host, all bool) (v hostView, err error) {
	hp, err := p.Catalog.HostPolicy(ctx, host)
	if err != nil {
		return v, err
	}
	v.host, v.policy = hp.Host, hp.Policy
	if v.about, err = p.Catalog.HostOverview(ctx, host, p.Now()); err != nil {
		return v, err
	}
	snaps, err := p.Catalog.Snapshots(ctx, host)
	if err != nil {
		return v, err
	}
	v.snaps = planned(snaps, hp.Policy, p.Now())
	for _, s := range v.snaps {
		if s.State == policy.StateSuspect {
			v.suspects = append(v.suspects, s.Name)
		}
	}
	if len(v.snaps) > usualSnaps && !all {
		v.more = len(v.snaps) - usualSnaps
		v.snaps = v.snaps[:usualSnaps]
	}
	if err := p.readBackups(ctx, &v); err != nil {
		return v, err
	}
	v.liveView, err = p.readLive(ctx, host)
	return v, err
}

// readBackups fills what is told of the last backups.
func (p Page) readBackups(ctx context.Context, v *hostView) error {
	list, err := p.Catalog.RunPage(ctx, catalog.RunQuery{
		Visible: catalog.Everything(), Host: v.host.Ident(), Kind: catalog.KindBackup, Limit: 2 * charted,
	})
	if err != nil {
		return err
	}
	for _, run := range list.Runs {
		if run.Finished == nil || run.State == policy.StateSkipped || len(v.backups) == charted {
			continue
		}
		if v.last == nil {
			v.last = &run
		}
		v.backups = append(v.backups, run)
		if slices.Contains(v.suspects, string(run.Snapshot)) && run.Message != "" {
			v.guards = append(v.guards, string(run.Message))
		}
	}
	slices.Reverse(v.backups)
	return nil
}

func (p Page) live(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	v, err := p.readLive(r.Context(), h.Ident())
	if err != nil {
		return err
	}
	v.begun = r.FormValue("begun") != ""
	if len(v.running) == 0 && r.FormValue("running") != "" && r.Header.Get("HX-Request") == "true" {
		w.Header().Set("HX-Refresh", "true") // it ended: the rest of the page is old
	}
	return server.Render(w, r, http.StatusOK, livePart(v))
}

func (p Page) readLive(ctx context.Context, host ident.Host) (liveView, error) {
	v := liveView{name: host}
	list, err := p.Catalog.RunPage(ctx, catalog.RunQuery{Visible: catalog.Everything(), Host: host, UnderWay: true, Limit: 10})
	if err != nil {
		return v, err
	}
	look, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	for _, run := range list.Runs {
		l := liveRun{Run: run}
		if !v.away {
			status, err := p.Operator.Look(look, run.WorkflowID, run.ID)
			l.status, v.away = status, err != nil
		}
		v.running = append(v.running, l)
	}
	list, err = p.Catalog.RunPage(ctx, catalog.RunQuery{Visible: catalog.Everything(), Host: host, Limit: recentRuns})
	v.recent = list.Runs
	return v, err
}

// planned says of each snapshot what the retention would do with it, the newest
// first.
func planned(snaps []catalog.Snapshot, e policy.Effective, now time.Time) []snapView {
	decided := map[string]policy.Decision{}
	for _, d := range catalog.Decisions(snaps, e, now) {
		decided[d.Snapshot.Name] = d
	}
	out := make([]snapView, 0, len(snaps))
	for _, s := range slices.Backward(snaps) {
		d := decided[s.Name]
		out = append(out, snapView{s, d.Keep, d.Reasons})
	}
	return out
}

// zone is the host's time zone, UTC where it is not known.
func (v hostView) zone() *time.Location {
	if zone, err := v.policy.Location(); err == nil {
		return zone
	}
	return time.UTC
}

// inZone gives a time by the clocks of a zone, which it names.
func inZone(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("Mon 2 Jan 2006, 15:04 MST")
}

// why says in sentences why the health is what it is.
func (v hostView) why() (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if len(v.suspects) > 0 {
		add("A guard found %s suspect, and nobody has decided about it yet. Nothing is pruned until then.", ui.Plural(len(v.suspects), "snapshot", "snapshots"))
	}
	if v.host.LastVerifyState == catalog.VerifyMismatch {
		add("The last verification found files in the backup that are not as they have to be.")
	}
	if v.about.HealthReason != "" {
		add("%s.", strings.TrimSuffix(upper(string(v.about.HealthReason)), "."))
	}
	switch v.about.Health {
	case policy.HealthPaused:
		add("It is disabled: %s. No backup starts by schedule.", strings.TrimSuffix(v.host.DisabledReason, "."))
	case policy.HealthNever:
		add("There is no good backup of it yet.")
	case policy.HealthLate, policy.HealthFailing:
		if v.host.LastGood != nil && len(v.suspects) == 0 && v.host.LastVerifyState != catalog.VerifyMismatch {
			add("A backup is due every %s, and the last good one is older than that.", v.policy.Every.Value)
		}
	}
	switch {
	case v.last == nil || v.last.State == policy.StateOK || v.last.Message == "":
	case v.last.Suspect && len(v.suspects) == 0:
		verdict := "rejected"
		if v.host.LastGoodSnapshot == string(v.last.Snapshot) {
			verdict = "accepted"
		}
		add("A guard found the last backup suspect; it was %s since.", verdict)
	default:
		add("The last backup ended %s: %s.", v.last.State, strings.TrimSuffix(string(v.last.Message), "."))
		if v.last.Remedy != "" {
			add("What to do: %s.", strings.TrimSuffix(string(v.last.Remedy), "."))
		}
	}
	if len(lines) == 0 {
		add("Its last backup is good, and the next one is not due yet.")
	}
	return lines
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// barTones make what did not end well stand out.
var barTones = map[string]ui.Tone{
	policy.StateWarning: ui.Warn, policy.StatePartial: ui.Bad, policy.StateFailed: ui.Bad,
	policy.StateCancelled: ui.Neutral,
}

// bars draws one value of each backup at the right end of a chart that has room
// for all; what has none is left empty.
func (v hostView) bars(value func(catalog.Run) (n float64, text string)) []ui.Bar {
	list := make([]ui.Bar, charted-len(v.backups), charted)
	for _, run := range v.backups {
		n, text := value(run)
		list = append(list, ui.Bar{Value: n, Tone: barTones[run.State], Title: ui.Stamp(run.Started) + ": " + text + ", " + run.State})
	}
	return list
}

func tookOf(run catalog.Run) (n float64, text string) {
	return run.DurationSeconds, seconds(run.DurationSeconds)
}

func sentOf(run catalog.Run) (n float64, text string) { return bytesOf(run.BytesTransferred) }

func sizeOfAll(run catalog.Run) (n float64, text string) { return bytesOf(run.BytesTotal) }

func bytesOf(n *int64) (value float64, text string) {
	if n == nil {
		return 0, "not known"
	}
	return float64(*n), ui.Bytes(*n)
}

func seconds(s float64) string { return ui.Duration(time.Duration(s * float64(time.Second))) }
