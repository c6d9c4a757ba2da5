package workflows

import (
	"hash/fnv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/verify"
)

// VerifyInput starts VerifyHost.
type VerifyInput struct {
	Host ident.Host `json:"host"`
	// Snapshot is a snapshot's name; empty means the newest good one.
	Snapshot string `json:"snapshot,omitempty"`
	// Sample says which files, where it is not to be what the host's policy says.
	Sample policy.Sample `json:"sample,omitzero"`
	// Trigger is activities.TriggerSchedule or TriggerManual.
	Trigger string `json:"trigger"`
}

// VerifyHost proves that a snapshot can be restored: it restores a sample of its
// files to a place of its own, compares them with what the host has or had, and
// keeps the evidence. Its workflow id is VerifyID, so there is one at a time.
func VerifyHost(ctx workflow.Context, in VerifyInput) (activities.Outcome, error) {
	v := &verifyRun{in: in, out: begin(ctx, in.Host, activities.KindVerify, in.Trigger)}
	err := v.run(ctx)
	return v.out, v.finish(ctx, err)
}

// verifyRun is the state of one VerifyHost.
type verifyRun struct {
	in    VerifyInput
	out   activities.Outcome
	plan  activities.VerifyPlan
	began bool
}

func (v *verifyRun) run(ctx workflow.Context) error {
	for _, step := range []struct {
		name string
		do   func(workflow.Context) error
	}{
		{"load", v.load},
		{"verify", v.verify},
		{"evidence", v.evidence},
	} {
		workflow.SetCurrentDetails(ctx, "**"+step.name+"** "+v.in.Host.String())
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// load finds the snapshot and enters the run in the catalog.
func (v *verifyRun) load(ctx workflow.Context) error {
	err := workflow.ExecuteActivity(onControl(ctx, "find the snapshot of "+v.in.Host.String()), activities.LoadVerifyName,
		activities.LoadVerifyInput{
			Host: v.in.Host, Snapshot: v.in.Snapshot, Run: v.out.Run,
			WorkflowID: v.out.WorkflowID, Trigger: v.in.Trigger, Started: v.out.Started,
		}).Get(ctx, &v.plan)
	if err != nil {
		return err
	}
	v.began = true
	p := v.plan.Plan
	v.out.HostID, v.out.Server, v.out.Dataset, v.out.Snapshot = p.HostID, p.Server, p.Dataset, v.plan.Snapshot
	if v.in.Sample == (policy.Sample{}) {
		v.in.Sample = p.Policy.VerifySample.Value
	}
	return nil
}

// verifyTimeout bounds one try of a verification; of all files of a large host
// it takes days.
const verifyTimeout = 5 * 24 * time.Hour

// verifyStart is how long a verification waits for a worker of its storage
// server.
const verifyStart = 4 * time.Hour

// verify restores the sample and compares it. By whom it was asked for decides
// who waits for whom: what the clock starts comes after all backups.
func (v *verifyRun) verify(ctx workflow.Context) error {
	summary := "restore files of " + v.in.Host.String() + "@" + v.plan.Snapshot + " and compare them"
	ctx = workflow.WithHeartbeatTimeout(onStorage(ctx, v.plan.Plan.Server, summary, verifyTimeout), HeartbeatTimeout)
	// While it waits for a storage server that is not there, its host cannot be
	// renamed or removed.
	ctx = workflow.WithScheduleToStartTimeout(ctx, verifyStart)
	ctx = workflow.WithPriority(ctx, temporal.Priority{PriorityKey: v.priority(), FairnessKey: v.in.Host.Group})
	var done activities.Verified
	err := workflow.ExecuteActivity(ctx, activities.VerifyName, activities.VerifyInput{
		Plan: v.plan.Plan, Snapshot: v.plan.Snapshot, Sample: v.in.Sample, Seed: seed(v.out.Run),
	}).Get(ctx, &done)
	if err != nil {
		return err
	}
	v.out.Verified = &done
	v.judge(done)
	return nil
}

func (v *verifyRun) priority() int {
	if v.in.Trigger == activities.TriggerManual {
		return 1
	}
	return verifyPriority
}

// verifyPriority is the lowest that Temporal has.
const verifyPriority = 5

// seed chooses other files in each run, and the same in each try of one.
func seed(run string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(run)) // never fails
	return h.Sum64()
}

// judge says what the run is worth. A backup that was found to be other than it
// has to be is the worst that there is; one of which nothing could be proven is
// no success either.
func (v *verifyRun) judge(done activities.Verified) {
	t := done.Tally
	v.out.Message, v.out.Remedy = t.Summary(), t.Remedy(v.in.Host.String(), v.out.Run)
	switch t.Outcome() {
	case verify.Mismatch:
		v.out.State = policy.StateFailed
	case verify.Unproven:
		v.out.State = policy.StateWarning
	default:
		v.out.State = policy.StateOK
		if t.Attributes > 0 || t.CanariesOK < t.Canaries || t.Unread > 0 || v.in.Sample.All && t.TooLarge > 0 {
			v.out.State = policy.StateWarning
		}
		if t.CanariesOK < t.Canaries {
			v.out.Message = joinSentences(v.out.Message, "a canary could not be compared")
		}
	}
	if done.HostNotAsked != "" {
		v.out.Message = joinSentences(v.out.Message, "by checksums alone, since the host could not be asked: "+done.HostNotAsked)
	}
}

// evidence keeps what was found out.
func (v *verifyRun) evidence(ctx workflow.Context) error {
	// What is proven is proven, whoever cancels now.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return workflow.ExecuteActivity(onControl(ctx, "keep the evidence of "+v.in.Host.String()), activities.RecordEvidenceName,
		activities.Evidence{
			Plan: v.plan.Plan, Snapshot: v.plan.Snapshot, Sample: v.in.Sample.String(),
			Finished: workflow.Now(ctx), Verified: *v.out.Verified,
		}).Get(ctx, nil)
}

// finish records how the run ended, also when it was cancelled.
func (v *verifyRun) finish(ctx workflow.Context, cause error) error {
	if cause != nil {
		v.out.State, v.out.Message, v.out.Remedy = policy.StateFailed, activities.Message(cause), activities.Remedy(cause)
		if temporal.IsCanceledError(cause) {
			v.out.State, v.out.Message = policy.StateCancelled, "cancelled; nothing is proven, and what was restored is removed"
		}
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	err := recordEnd(ctx, v.out, v.began)
	if cause != nil {
		return cause
	}
	return err
}
