package workflows

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/catalog"
)

// Watched says what one look at everything came to.
type Watched struct {
	Hosts catalog.Watched `json:"hosts"`
	// Silent are the storage servers whose workers did not answer.
	Silent []string `json:"silent,omitempty"`
	// Told is how many notices there were of storages and workers.
	Told int `json:"told"`
}

const (
	// silentAfter is how long a worker has to take what it is asked, and lookTime
	// how long one look at its pools may take.
	silentAfter = time.Minute
	lookTime    = time.Minute
	// watchTime bounds each step on control: the next look comes soon.
	watchTime = 4 * time.Minute
)

// WatchFleet notices what no run can tell: hosts without a good snapshot, workers
// that do not answer, pools that break or fill. One that cannot be looked at does
// not keep the others from it.
func WatchFleet(ctx workflow.Context) (w Watched, err error) {
	hosts := workflow.ExecuteActivity(onWatch(ctx, "look at the hosts"), activities.WatchHostsName)
	var servers []string
	err = workflow.ExecuteActivity(onWatch(ctx, "find the storage servers"), activities.WatchedServersName).Get(ctx, &servers)
	if err == nil {
		err = watchServers(ctx, servers, &w)
	}
	return w, errors.Join(hosts.Get(ctx, &w.Hosts), err)
}

// watchServers looks at all storage servers at once, and settles what was seen.
func watchServers(ctx workflow.Context, servers []string, w *Watched) error {
	looks := make([]workflow.Future, len(servers))
	for i, server := range servers {
		looks[i] = workflow.ExecuteActivity(onLook(ctx, server), activities.LookStoragesName)
	}
	seen := make([]activities.ServerSeen, len(servers))
	for i, server := range servers {
		s := activities.ServerSeen{Server: server}
		err := looks[i].Get(ctx, &s.Storages)
		s.At = workflow.Now(ctx)
		switch {
		case err == nil:
			s.Answered = true
		case ctx.Err() != nil:
			return err
		case isSilence(err):
			s.Silent = true
			w.Silent = append(w.Silent, server)
		default:
			workflow.GetLogger(ctx).Warn("a storage server could not be looked at", "server", server, "error", err)
		}
		seen[i] = s
	}
	return workflow.ExecuteActivity(onWatch(ctx, "tell how storages and workers are"), activities.SettleServersName, seen).Get(ctx, &w.Told)
}

// isSilence says that nobody took the task, or that who took it was not heard of
// again.
func isSilence(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() != enumspb.TIMEOUT_TYPE_UNSPECIFIED
}

func onWatch(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: activities.ControlQueue, StartToCloseTimeout: 2 * time.Minute, ScheduleToCloseTimeout: watchTime,
		RetryPolicy: retry(time.Second, time.Minute), Summary: summary,
	})
}

// onLook is for a look at a storage server. It is not tried again: the next look
// comes soon.
func onLook(ctx workflow.Context, server string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: activities.StorageQueue(server), ScheduleToStartTimeout: silentAfter, StartToCloseTimeout: lookTime,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}, Summary: "look at the storages of " + server,
		Priority: temporal.Priority{PriorityKey: 1},
	})
}
