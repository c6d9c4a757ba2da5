// Package operate does what people who operate a fleet ask for with a click or
// a call: it joins the catalog and Temporal, and is the same for pages and API.
// Who asks is the actor of the context (catalog.WithActor).
package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/worker"
	"planb/worker/schedules"
	"planb/workflows"
)

// patience bounds one call to Temporal: a person waits for the answer.
const patience = 10 * time.Second

// Operator acts on hosts.
type Operator struct {
	Catalog *catalog.Store
	// Temporal may be one that has not connected yet (worker.DialLazily).
	Temporal client.Client
}

// UnavailableError is Temporal not answering. A change that the catalog holds
// already is made then; Done says so.
type UnavailableError struct {
	Done string
	Err  error
}

// Error is a sentence with what to do.
func (e *UnavailableError) Error() string {
	text := "Temporal does not answer now: try again in a moment"
	if e.Done != "" {
		text = e.Done + ", but Temporal does not answer: its schedule follows within minutes of its return"
	}
	return fmt.Sprintf("%s (%v)", text, e.Err)
}

// Unwrap gives the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// How a backup is made that somebody asks for.
type How struct {
	// Keep, when set, is the label under which the snapshot is kept until it is
	// removed by hand.
	Keep string
	// Now passes over do-not-run.d, and ends the wait of a backup that was put
	// off.
	Now bool
}

// BackUp starts a backup, and gives its run's id. Errors: a NotFoundError of the
// catalog, *worker.AlreadyRunningError, *UnavailableError.
func (o Operator) BackUp(ctx context.Context, host ident.Host, how How) (run string, err error) {
	if how.Keep != "" {
		if err := ident.CheckLabel(how.Keep); err != nil {
			return "", err
		}
	}
	if _, err := o.Catalog.Host(ctx, host); err != nil {
		return "", err
	}
	detail := map[string]any{}
	if how.Keep != "" {
		detail["keep"] = how.Keep
	}
	if how.Now {
		detail["now"] = true
	}
	return o.noted(ctx, "host.backup", host.String(), detail, func() (string, error) { return o.startBackup(ctx, host, how) })
}

func (o Operator) startBackup(ctx context.Context, host ident.Host, how How) (run string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	run, err = worker.StartBackup(ctx, o.Temporal, workflows.BackupInput{
		Host: host, Trigger: activities.TriggerManual, Keep: how.Keep, Now: how.Now,
	})
	var running *worker.AlreadyRunningError
	if errors.As(err, &running) && how.Now && o.waits(ctx, running.Run) {
		run, err = running.Run, worker.EndWait(ctx, o.Temporal, workflows.BackupID(host), running.Run)
	}
	return run, unavailable("", err)
}

// waits says whether a run is on record as put off.
func (o Operator) waits(ctx context.Context, run string) bool {
	r, err := o.Catalog.Run(ctx, run)
	return err == nil && r.State == policy.StateWaiting
}

// SetEnabled enables a host, or disables it for a reason, and its schedule with
// it. Errors: a NotFoundError of the catalog, *UnavailableError once the
// catalog has it.
func (o Operator) SetEnabled(ctx context.Context, host ident.Host, enabled bool, reason string) error {
	if _, err := o.Catalog.SetEnabled(ctx, host, enabled, reason); err != nil {
		return err
	}
	done := "the host is disabled"
	if enabled {
		done = "the host is enabled"
	}
	return o.Reschedule(ctx, done, host)
}

// Reschedule makes the schedules of hosts agree with the catalog, after a
// change of theirs that Done tells.
func (o Operator) Reschedule(ctx context.Context, done string, hosts ...ident.Host) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	keeper := schedules.Keeper{Catalog: o.Catalog, Syncer: schedules.Syncer{Client: o.Temporal.ScheduleClient()}}
	return unavailable(done, keeper.Agree(ctx, hosts...))
}

// Look tells how a run that is under way does.
func (o Operator) Look(ctx context.Context, workflowID, run string) (worker.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	status, err := worker.Look(ctx, o.Temporal, workflowID, run)
	return status, unavailable("", err)
}
