package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/catalog"
)

// How long a storage server is asked before the samples of its hosts are taken
// from what is known of them, and how long a receiver that does not take what is
// posted is tried again: by the schedule, which comes again after a day, and with
// a person waiting.
const (
	askBySchedule  = 30 * time.Minute
	postBySchedule = 20 * time.Hour
	byHand         = 2 * time.Minute
)

// BillingResult is what DailyBilling did, and what came of the day so far.
type BillingResult struct {
	Day string `json:"day"`
	// Taken counts the samples that this run took.
	Taken int `json:"taken"`
	catalog.BilledDay
}

// dailyBilling is one run of DailyBilling.
type dailyBilling struct {
	in   activities.BillingInput
	plan activities.BillingPlan
	out  BillingResult
}

// DailyBilling takes one usage sample of each host for a day, and posts those
// that are billed. Done again it takes and posts what is missing, and nothing
// twice.
func DailyBilling(ctx workflow.Context, in activities.BillingInput) (BillingResult, error) {
	b := &dailyBilling{in: in, out: BillingResult{Day: in.Day}}
	err := b.run(ctx)
	return b.out, err
}

func (b *dailyBilling) run(ctx workflow.Context) error {
	err := workflow.ExecuteActivity(onControl(ctx, "find what is to be billed on "+b.in.Day), activities.LoadBillingName, b.in).Get(ctx, &b.plan)
	if err != nil {
		return err
	}
	if err := b.sample(ctx); err != nil {
		return err
	}
	failed := b.post(ctx)
	count := workflow.ExecuteActivity(onControl(ctx, "count what was billed"), activities.CountBillingName, b.in.Day)
	if err := count.Get(ctx, &b.out.BilledDay); err != nil {
		return err
	}
	if left := b.out.Refused + b.out.Pending; failed == nil && left > 0 {
		failed = temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("%d of %d posts did not get through: %s", left, left+b.out.Posted, b.out.Error), activities.ErrTypeNotBilled, nil,
			"see `planb billing list --month "+b.in.Day[:len("2006-01")]+"`")
	}
	return failed
}

// sample takes the samples, on all storage servers at once.
func (b *dailyBilling) sample(ctx workflow.Context) error {
	var failed error
	servers := workflow.NewWaitGroup(ctx)
	for _, server := range b.plan.Servers {
		servers.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer servers.Done()
			if err := b.sampleServer(ctx, server); err != nil {
				failed = err
			}
		})
	}
	servers.Wait(ctx)
	if failed != nil {
		return failed
	}
	return workflow.ExecuteActivity(onControl(ctx, "note that the samples were taken"), activities.EndSamplingName, b.in.Day).Get(ctx, nil)
}

// sampleServer takes those of the hosts of one server, batch by batch. What the
// pools hold now says nothing about a day that is over.
func (b *dailyBilling) sampleServer(ctx workflow.Context, server string) error {
	silent := b.plan.Late
	for after := ""; ; {
		var hosts []activities.UsageHost
		err := workflow.ExecuteActivity(onControl(ctx, "choose hosts of "+server), activities.UsageHostsName,
			activities.UsageInput{Day: b.in.Day, Server: server, After: after}).Get(ctx, &hosts)
		if err != nil || len(hosts) == 0 {
			return err
		}
		after = hosts[len(hosts)-1].ID
		in := activities.RecordUsageInput{Day: b.in.Day}
		if !silent {
			err := workflow.ExecuteActivity(onUsage(ctx, server, b.in.Trigger), activities.UsageName, hosts).Get(ctx, &in.Measured)
			if temporal.IsCanceledError(err) {
				return err
			}
			if silent = err != nil; silent {
				workflow.GetLogger(ctx).Warn("a storage server did not tell what hosts use: it is taken from the catalog", "server", server, "error", err)
			}
		}
		if silent {
			for _, h := range hosts {
				in.Known = append(in.Known, h.ID)
			}
		}
		var taken int
		if err := workflow.ExecuteActivity(onControl(ctx, "take samples"), activities.RecordUsageName, in).Get(ctx, &taken); err != nil {
			return err
		}
		b.out.Taken += taken
	}
}

// post posts to all receivers at once. That one fails keeps nothing from the
// others.
func (b *dailyBilling) post(ctx workflow.Context) error {
	var failed error
	posters := workflow.NewWaitGroup(ctx)
	for _, poster := range b.plan.Posters {
		posters.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer posters.Done()
			if err := b.postTo(ctx, poster); err != nil {
				failed = err
			}
		})
	}
	posters.Wait(ctx)
	return failed
}

func (b *dailyBilling) postTo(ctx workflow.Context, poster string) error {
	info := workflow.GetInfo(ctx)
	in := activities.PostUsageInput{Day: b.in.Day, Poster: poster, Began: info.WorkflowStartTime}
	for more := true; more; {
		err := workflow.ExecuteActivity(onPost(ctx, poster, b.in.Trigger), activities.PostUsageName, in).Get(ctx, &more)
		if err != nil {
			return err
		}
	}
	return nil
}

// onUsage is for looking at the datasets of a batch of hosts. It only reads, so
// that a worker that was killed is not waited for long.
func onUsage(ctx workflow.Context, server, trigger string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.StorageQueue(server),
		StartToCloseTimeout:    10 * time.Minute,
		ScheduleToCloseTimeout: howLong(trigger, askBySchedule),
		RetryPolicy:            retry(5*time.Second, 5*time.Minute),
		Summary:                "measure what hosts use",
	})
}

// onPost is for posting, which beats so that the end of a process is noticed.
func onPost(ctx workflow.Context, poster, trigger string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.ControlQueue,
		StartToCloseTimeout:    activities.PostTimeout,
		ScheduleToCloseTimeout: howLong(trigger, postBySchedule),
		HeartbeatTimeout:       30 * time.Second,
		RetryPolicy:            retry(10*time.Second, 30*time.Minute),
		Summary:                "post to " + poster,
	})
}

func howLong(trigger string, scheduled time.Duration) time.Duration {
	if trigger == activities.TriggerManual {
		return byHand
	}
	return scheduled
}
