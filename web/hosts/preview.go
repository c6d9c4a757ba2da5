package hosts

import (
	"context"
	"time"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// preview is what a form would come to if it was saved.
type preview struct {
	zone *time.Location
	// next are the starts by the values of the form.
	next []time.Time
	// problem says why there is no preview.
	problem string
	// snapshots is how many there are; goes are those that the retention of the
	// form removes and the present one does not, stays the other way round.
	snapshots   int
	goes, stays []string
	// asks says that so many would go that a person has to agree first; stopped
	// why nothing is removed now.
	asks    bool
	stopped string
}

// previewed is how many starts are told.
const previewed = 10

// foresee works out what settings of a host would come to: by the same rules as
// the schedule and the pruning, from what is on record.
func (p Page) foresee(ctx context.Context, v formView, own policy.Settings) (out preview) {
	if len(v.errs) > 0 {
		out.problem = "There is a preview once nothing in the form is wrong any more."
		return out
	}
	failed := func(err error) preview {
		p.Log.Warn("foreseeing what a host's form comes to", "error", err)
		return preview{problem: "The preview cannot be worked out now."}
	}
	effective, err := p.Catalog.EffectiveWith(ctx, v.group, own)
	if err != nil {
		return failed(err)
	}
	if out.zone, err = effective.Location(); err != nil {
		return preview{problem: upper(err.Error()) + "."}
	}
	key := v.host.ID
	if key == "" {
		key = v.group + "/" + v.name
	}
	if out.next, err = effective.Timetable(key).Next(p.Now(), previewed); err != nil {
		return failed(err)
	}
	if v.isNew() {
		return out
	}
	snaps, err := p.Catalog.Snapshots(ctx, v.host.Ident())
	if err != nil {
		return failed(err)
	}
	hp, err := p.Catalog.HostPolicy(ctx, v.host.Ident())
	if err != nil {
		return failed(err)
	}
	out.snapshots = len(snaps)
	out.stopped = policy.PruningStopped(catalog.Planned(snaps, p.Now()), p.Now())
	now := map[string]bool{}
	for _, d := range catalog.Decisions(snaps, hp.Policy, p.Now()) {
		now[d.Snapshot.Name] = d.Keep
	}
	then := catalog.Decisions(snaps, effective, p.Now())
	out.asks = policy.AsksFirst(then)
	for _, d := range then {
		switch kept := now[d.Snapshot.Name]; {
		case kept && !d.Keep:
			out.goes = append(out.goes, d.Snapshot.Name)
		case !kept && d.Keep:
			out.stays = append(out.stays, d.Snapshot.Name)
		}
	}
	return out
}
