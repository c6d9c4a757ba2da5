// Package doctor looks whether an installation of PlanB can work, from the
// machine it runs on, and says what is wrong and what to do. It changes nothing
// but a file that it makes in the state directory and removes again.
package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"

	"planb/internal/catalog"
	"planb/internal/config"
	"planb/internal/zfs"
	"planb/worker"
)

// How a check ended.
const (
	OK    = "ok"
	Wrong = "wrong"
	// NotHere is of what this machine does not have: a catalog on a storage
	// server, a pool beside the catalog.
	NotHere = "not here"
)

// Finding is what one check found.
type Finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	// Text says what is there, or what is wrong and what to do. No secret is in it.
	Text string `json:"text"`
}

// Doctor has what the checks need.
type Doctor struct {
	Config *config.Config
	ZFS    *zfs.Client
	Now    func() time.Time

	store    *catalog.Store
	temporal client.Client
	found    []Finding
}

// Look makes all checks, and tells each finding once it is there.
func (d *Doctor) Look(ctx context.Context, tell func(Finding)) []Finding {
	checks := []func(context.Context){
		d.database, d.temporalServer, d.queues, d.schedules, d.clocks, d.state, d.metrics, d.mail, d.programs, d.rights, d.pools,
	}
	told := 0
	for _, check := range checks {
		check(ctx)
		for ; told < len(d.found); told++ {
			tell(d.found[told])
		}
	}
	if d.store != nil {
		d.store.Close()
	}
	if d.temporal != nil {
		d.temporal.Close()
	}
	return d.found
}

func (d *Doctor) say(check, state, format string, args ...any) {
	d.found = append(d.found, Finding{check, state, fmt.Sprintf(format, args...)})
}

// patience bounds one check that asks somebody else.
const patience = 15 * time.Second

func (d *Doctor) database(ctx context.Context) {
	const check = "database"
	if d.Config.Database.URL == "" {
		d.say(check, NotHere, "database.url is not set, which is right for a storage server")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	store, err := catalog.Open(ctx, d.Config.Database.URL)
	if err != nil {
		d.say(check, Wrong, "%s", err)
		return
	}
	d.store = store
	d.say(check, OK, "PostgreSQL answers, and has the tables of this version")
}

func (d *Doctor) temporalServer(ctx context.Context) {
	const check = "temporal"
	tc, err := worker.Dial(ctx, d.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		d.say(check, Wrong, "%s", err)
		return
	}
	d.temporal = tc
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	namespace := worker.Namespace(d.Config)
	missing, err := worker.MissingAttributes(ctx, tc, namespace)
	switch {
	case err != nil:
		d.say(check, Wrong, "the namespace %s cannot be read: planb control makes it at its start, or set TEMPORAL_NAMESPACE (%s)", namespace, err)
	case len(missing) > 0:
		d.say(check, Wrong, "the namespace %s lacks the search attributes %v: planb control makes them at its start", namespace, missing)
	default:
		d.say(check, OK, "answers, and has the namespace %s with its search attributes", namespace)
	}
}
