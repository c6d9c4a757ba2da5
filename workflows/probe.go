package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
)

// ProbeInput starts ProbeHost.
type ProbeInput struct {
	Host ident.Host `json:"host"`
	// Pin accepts the keys of a host that was never met before from now on; not
	// with a draft.
	Pin bool `json:"pin,omitempty"`
	// Draft, when set, is the host as it is about to be saved.
	Draft *activities.HostDraft `json:"draft,omitempty"`
}

// probeTries is how long a probe is tried, somebody looking on.
const probeTries = 3 * time.Minute

// ProbeHost looks whether a host could be backed up, from the server that would
// do it. It changes nothing, unless it is to pin the host's keys.
func ProbeHost(ctx workflow.Context, in ProbeInput) (report activities.ProbeReport, err error) {
	var plan activities.Plan
	err = workflow.ExecuteActivity(onControl(ctx, "read the policy of "+in.Host.String()), activities.LoadProbeName,
		activities.LoadProbeInput{Host: in.Host, Draft: in.Draft}).Get(ctx, &plan)
	if err != nil {
		return report, err
	}
	err = workflow.ExecuteActivity(onServerSoon(ctx, plan.Server, "look at "+in.Host.String(), probeTries), activities.ProbeName, plan).Get(ctx, &report)
	if err != nil || !in.Pin || in.Draft != nil || !report.KeysLearned && len(report.JumpHostKeys) == 0 {
		return report, err
	}
	pin := activities.PinHostKeysInput{
		Host: in.Host, HostID: plan.HostID, JumpHost: plan.Policy.JumpHost.Value, JumpKeys: report.JumpHostKeys,
	}
	if report.KeysLearned {
		pin.Keys = report.HostKeys
	}
	err = workflow.ExecuteActivity(onControl(ctx, "pin the host keys of "+in.Host.String()), activities.PinHostKeysName, pin).Get(ctx, nil)
	if err == nil {
		report.KeysLearned, report.JumpHostKeys = false, nil
	}
	return report, err
}

// ListDatasets asks a storage server which datasets it has.
func ListDatasets(ctx workflow.Context, server string) (list []activities.StoredDataset, err error) {
	ctx = onServerSoon(ctx, server, "list the datasets of "+server, 10*time.Minute)
	err = workflow.ExecuteActivity(ctx, activities.ListDatasetsName, server).Get(ctx, &list)
	return list, err
}

// onServerSoon is onStorage for questions, whose answers nobody wants after
// timeout.
func onServerSoon(ctx workflow.Context, server, summary string, timeout time.Duration) workflow.Context {
	ctx = onStorage(ctx, server, summary, timeout)
	o := workflow.GetActivityOptions(ctx)
	o.ScheduleToCloseTimeout = timeout
	o.WaitForCancellation = false
	return workflow.WithActivityOptions(ctx, o)
}
