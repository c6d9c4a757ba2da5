package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
)

// BackupInput starts BackupHost.
type BackupInput struct {
	Host ident.Host `json:"host"`
	// Trigger is activities.TriggerSchedule or TriggerManual.
	Trigger string `json:"trigger"`
	// Keep is the label of a snapshot that is to be kept until removed by hand.
	Keep string `json:"keep,omitempty"`
	// Now starts in spite of the host's window and its do-not-run files.
	Now bool `json:"now,omitempty"`
}

// BackupHost makes one backup of one host. Its workflow id is BackupID, so
// the server lets one run at a time. It ends in error when no snapshot was
// made; how far it got is in the catalog either way.
func BackupHost(ctx workflow.Context, in BackupInput) (activities.Outcome, error) {
	b := newBackup(ctx, in)
	err := b.run(ctx)
	return b.out, b.finish(ctx, err)
}

// backup is the state of one BackupHost.
type backup struct {
	in  BackupInput
	out activities.Outcome
	// now is signalled by an operator who does not want to wait.
	now workflow.ReceiveChannel

	plan     activities.Plan
	prepared activities.Prepared
	// warning and notice are what the pre-check found, and what is merely to be
	// said.
	warning, notice string
	// began is set once the run can be in the catalog.
	began bool
	// unknown says that nobody could tell whether a snapshot was taken.
	unknown bool
}

func newBackup(ctx workflow.Context, in BackupInput) *backup {
	return &backup{
		in:  in,
		now: workflow.GetSignalChannel(ctx, SignalNow),
		out: begin(ctx, in.Host, activities.KindBackup, in.Trigger),
	}
}

// run is the story of a backup. Each step has the name of its activity.
func (b *backup) run(ctx workflow.Context) error {
	steps := []struct {
		name string
		do   func(workflow.Context) error
	}{
		{"load", b.load},
		{"pre-check", b.preCheck},
		{"prepare", b.prepare},
		{"pull", b.pull},
		{"snapshot", b.snapshot},
		{"guards", b.guards},
		{"prune", b.prune},
		{"measure", b.measure},
		{"index", b.index},
	}
	for _, s := range steps {
		workflow.SetCurrentDetails(ctx, "**"+s.name+"** "+b.in.Host.String())
		if err := s.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// load copies the host's record and effective policy, and enters the run in
// the catalog.
func (b *backup) load(ctx workflow.Context) error {
	err := workflow.ExecuteActivity(onControl(ctx, "read the policy of "+b.in.Host.String()), activities.LoadName,
		activities.LoadInput{
			Host: b.in.Host, Run: b.out.Run, WorkflowID: b.out.WorkflowID,
			Trigger: b.in.Trigger, Keep: b.in.Keep, Started: b.out.Started,
		}).Get(ctx, &b.plan)
	b.began = activities.ErrType(err) != activities.ErrTypeNoHost
	if err != nil {
		return err
	}
	b.out.HostID, b.out.Server, b.out.Dataset = b.plan.HostID, b.plan.Server, b.plan.Dataset
	return nil
}

// preCheck asks the host whether it can be backed up now. One that cannot is
// put off, not failed: it is asked again after a 24th of its interval, until its
// policy's max_wait has passed since the last good snapshot: two intervals
// unless set otherwise.
func (b *backup) preCheck(ctx workflow.Context) error {
	insist := b.in.Now
	for {
		check, err := b.askHost(ctx, insist)
		if err != nil || check.Ready {
			b.warning, b.notice = check.Warning, check.Notice
			return err
		}
		next, patient := b.nextTry(ctx, check)
		if !patient {
			return temporal.NewNonRetryableApplicationError(check.Reason, check.Cause, nil)
		}
		if insist, err = b.wait(ctx, check.Reason, next); err != nil {
			return err
		}
	}
}

// nextTry says when the host is asked again, or that it is not.
func (b *backup) nextTry(ctx workflow.Context, check activities.PreCheckResult) (next time.Time, patient bool) {
	switch {
	case check.NotBefore != nil:
		return *check.NotBefore, true
	case b.in.Trigger == activities.TriggerManual && check.Cause == activities.CauseUnreachable:
		// Somebody looks on, and the host does not answer at all.
		return time.Time{}, false
	}
	return b.plan.Policy.NextTry(workflow.Now(ctx), b.out.Started, b.plan.LastGood)
}

func (b *backup) askHost(ctx workflow.Context, insist bool) (check activities.PreCheckResult, err error) {
	err = workflow.ExecuteActivity(
		onStorage(ctx, b.plan.Server, "ask "+b.in.Host.String()+" whether it is ready", 2*time.Minute),
		activities.PreCheckName, activities.PreCheckInput{Plan: b.plan, Now: insist}).Get(ctx, &check)
	if err != nil || len(check.LearnedKeys)+len(check.LearnedJumpKeys) == 0 {
		return check, err
	}
	// The first contact: from here on these keys and no others are accepted.
	if len(check.LearnedKeys) > 0 {
		b.plan.HostKeys = check.LearnedKeys
	}
	if len(check.LearnedJumpKeys) > 0 {
		b.plan.JumpHostKeys = check.LearnedJumpKeys
	}
	return check, workflow.ExecuteActivity(onControl(ctx, "pin the host keys of "+b.in.Host.String()),
		activities.PinHostKeysName, activities.PinHostKeysInput{
			Host: b.in.Host, HostID: b.plan.HostID, Keys: check.LearnedKeys,
			JumpHost: b.plan.Policy.JumpHost.Value, JumpKeys: check.LearnedJumpKeys,
		}).Get(ctx, nil)
}

// wait sleeps on a durable timer until next, or until SignalNow, which it
// reports.
func (b *backup) wait(ctx workflow.Context, reason string, next time.Time) (now bool, err error) {
	if err := b.tellWaiting(ctx, reason, &next); err != nil {
		return false, err
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	timer := workflow.NewTimerWithOptions(timerCtx, next.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: reason})
	s := workflow.NewSelector(ctx)
	s.AddFuture(timer, func(f workflow.Future) { err = f.Get(ctx, nil) })
	s.AddReceive(b.now, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil); now = true })
	s.Select(ctx)
	stop()
	if err != nil {
		return false, err
	}
	return now, b.tellWaiting(ctx, "", nil)
}

// tellWaiting shows that the run waits, and for what; or, without a reason,
// that it runs again.
func (b *backup) tellWaiting(ctx workflow.Context, reason string, next *time.Time) error {
	state, details := policy.StateRunning, "**pre-check** "+b.in.Host.String()
	if reason != "" {
		state = policy.StateWaiting
		details = fmt.Sprintf("**waiting**: %s. Next try at %s.", reason, next.UTC().Format("15:04 MST"))
	}
	workflow.SetCurrentDetails(ctx, details)
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttributeState.ValueSet(state)); err != nil {
		return err
	}
	return workflow.ExecuteActivity(onControl(ctx, "note that "+b.in.Host.String()+" is "+state), activities.RecordWaitingName,
		activities.RecordWaitingInput{Outcome: b.out, Reason: reason, Next: next}).Get(ctx, nil)
}

// prepare makes sure that the host's dataset is there, its own, and mounted.
func (b *backup) prepare(ctx workflow.Context) error {
	return workflow.ExecuteActivity(
		onStorage(ctx, b.plan.Server, "make sure that "+b.plan.Dataset+" is there", 5*time.Minute),
		activities.PrepareName, b.plan).Get(ctx, &b.prepared)
}

// pull transfers the files.
func (b *backup) pull(ctx workflow.Context) error {
	ctx = workflow.WithPriority(onPull(ctx, b.plan.Server, "rsync "+b.in.Host.String()+" to "+b.plan.Dataset), b.priority(ctx))
	return workflow.ExecuteActivity(ctx, activities.PullName,
		activities.PullInput{Plan: b.plan, Prepared: b.prepared}).Get(ctx, &b.out.Pull)
}

// priority puts what people ask for before what the clock asks for, hosts that
// have been without a good snapshot for long before others, and keeps one
// group's hundred hosts from starving another's two.
func (b *backup) priority(ctx workflow.Context) temporal.Priority {
	gap := b.plan.Policy.Timetable(b.plan.HostID).LongestGap()
	key := policy.PriorityOf(b.in.Trigger == activities.TriggerManual, b.plan.LastGood, gap, workflow.Now(ctx))
	return temporal.Priority{PriorityKey: int(key), FairnessKey: b.in.Host.Group}
}

// snapshot keeps what was pulled. The name is fixed here, once, so that the
// activity may run twice and there is still one snapshot.
func (b *backup) snapshot(ctx workflow.Context) error {
	name, tiers, err := b.snapshotName(workflow.Now(ctx))
	if err != nil {
		return err
	}
	in := activities.SnapshotInput{Plan: b.plan, Name: name, Tiers: tiers, State: b.worth(), Data: b.prepared.Data}
	if tripped := b.out.Pull.Guards; len(tripped) > 0 {
		// Suspect from its first moment on, so that it never passes for good.
		in.State, in.Worth, in.Guard = policy.StateSuspect, in.State, activities.GuardReasons(tripped)
	}
	err = workflow.ExecuteActivity(
		onStorage(ctx, b.plan.Server, "snapshot "+b.plan.Dataset+"@"+name, 5*time.Minute),
		activities.SnapshotName, in).Get(ctx, nil)
	if err != nil && !b.taken(ctx, in) {
		return err
	}
	b.out.Snapshot = name
	b.out.State = b.worth()
	b.out.Message, b.out.Remedy = b.out.Pull.Message, b.out.Pull.Remedy
	b.out.Counts, b.out.Guards = b.out.Pull.Counts, b.out.Pull.Guards
	if b.warning != "" {
		b.warn(b.warning)
	}
	b.out.Message = joinSentences(b.out.Message, b.notice)
	return nil
}

// worth is the state of what was pulled, guards apart. A transfer that only the
// limit of deletions stopped has all files, and some that are gone.
func (b *backup) worth() string {
	if b.out.Pull.Counts != nil && b.out.Pull.Counts.Leftovers {
		return policy.StateWarning
	}
	return b.out.Pull.State
}

// guards holds the last good snapshot when this one is suspect, also when the
// run was cancelled meanwhile, and says what has to be decided.
func (b *backup) guards(ctx workflow.Context) error {
	if len(b.out.Guards) == 0 {
		return nil
	}
	b.warn("the snapshot is suspect, by " + guardNames(b.out.Guards) + ": " + activities.GuardReasons(b.out.Guards) +
		" It does not count as good, and nothing is pruned until somebody decides")
	b.out.Remedy = fmt.Sprintf("if the host is as it should be, say `planb host accept %s`, else `planb host reject %s`", b.in.Host, b.in.Host)
	var held activities.GuardsResult
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	err := workflow.ExecuteActivity(
		onStorage(ctx, b.plan.Server, "hold the last good snapshot of "+b.plan.Dataset, 5*time.Minute),
		activities.GuardsName, activities.GuardsInput{Plan: b.plan, Snapshot: b.out.Snapshot, Tripped: b.out.Guards}).Get(ctx, &held)
	b.out.Held = held.Held
	return b.afterwards(ctx, "the last good snapshot is not held", err)
}

// guardNames gives "the guard shrink" or "the guards shrink and delete".
func guardNames(tripped []policy.Tripped) string {
	names := make([]string, len(tripped))
	for i, t := range tripped {
		names[i] = t.Guard
	}
	if len(names) == 1 {
		return "the guard " + names[0]
	}
	return "the guards " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func (b *backup) snapshotName(at time.Time) (name string, tiers []string, err error) {
	zone, err := b.plan.Policy.Location()
	if err != nil {
		return "", nil, temporal.NewNonRetryableApplicationError(err.Error(), activities.ErrTypeRefused, err)
	}
	snap, tiers := policy.NameSnapshot(policy.NewSnapshot{
		At: at, PreviousGood: b.prepared.PreviousGood, Location: zone, Label: b.in.Keep, Existing: b.prepared.Newest,
	})
	return snap.String(), tiers, nil
}

// prune removes the snapshots that the retention no longer keeps; only after
// a good one was made.
func (b *backup) prune(ctx workflow.Context) error {
	if !b.out.Good() {
		return nil
	}
	pruned, err := pruneDataset(ctx, b.plan, false)
	b.out.Pruned = len(pruned.Removed)
	if pruned.Withheld > 0 {
		state, message, remedy := withheld(b.out.State, "", b.in.Host, pruned)
		b.out.State, b.out.Message, b.out.Remedy = state, joinSentences(b.out.Message, message), joinSentences(b.out.Remedy, remedy)
	}
	return b.afterwards(ctx, "old snapshots were not removed", err)
}

// measure asks the dataset for its sizes and the list of its snapshots.
func (b *backup) measure(ctx workflow.Context) error {
	measured, err := measureDataset(ctx, b.plan)
	if err == nil {
		b.out.Measured = &measured
	}
	return b.afterwards(ctx, "sizes were not measured", err)
}

// index notes what the snapshot holds, so that versions of files are found
// without looking through all snapshots.
func (b *backup) index(ctx workflow.Context) error {
	err := workflow.ExecuteActivity(onIndex(ctx, b.plan.Server, "index the files of "+b.plan.Dataset), activities.IndexName, b.plan).Get(ctx, nil)
	return b.afterwards(ctx, "its files are not indexed yet", err)
}

// afterwards turns a failure after the snapshot into a warning: the backup is
// made, and stays made.
func (b *backup) afterwards(ctx workflow.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if temporal.IsCanceledError(err) {
		return err
	}
	workflow.GetLogger(ctx).Warn(what, "error", err)
	b.warn(what + ": " + activities.Message(err))
	return nil
}

// warn makes a warning of a run that is ok so far.
func (b *backup) warn(what string) {
	if b.out.State == policy.StateOK {
		b.out.State = policy.StateWarning
	}
	b.out.Message = joinSentences(b.out.Message, what)
}

// finish records how the run ended, also when it was cancelled, and gives the
// error that the workflow ends with.
func (b *backup) finish(ctx workflow.Context, cause error) error {
	// What an operator signals now comes too late to matter.
	for b.now.ReceiveAsync(nil) {
	}
	b.settle(cause)
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if temporal.IsCanceledError(cause) && b.out.Snapshot != "" && b.out.Measured == nil {
		// What was taken is to be seen in the catalog, too.
		if err := b.measure(ctx); err != nil {
			return err
		}
	}
	err := recordEnd(ctx, b.out, b.began)
	if b.out.State == policy.StateFailed || b.out.State == policy.StateCancelled {
		return cause
	}
	if err != nil {
		// The backup is made, and its outcome is the result of this workflow, from
		// which it is recorded once there is a catalog again.
		workflow.GetLogger(ctx).Error("the end of the run was not recorded", "error", err)
	}
	return nil
}

// settle decides the state of the run. A snapshot that was taken counts,
// whatever came after it.
func (b *backup) settle(cause error) {
	switch {
	case cause == nil:
	case b.out.Snapshot != "":
		b.out.Message = joinSentences(b.out.Message, "cancelled after the snapshot was taken")
	case temporal.IsCanceledError(cause):
		b.out.State, b.out.Message = policy.StateCancelled, "cancelled before a snapshot was taken"
	default:
		b.out.State, b.out.Message = policy.StateFailed, activities.Message(cause)
		b.out.Remedy = activities.Remedy(cause)
	}
	if b.unknown {
		b.doubt()
	}
}

func joinSentences(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "; " + b
}
