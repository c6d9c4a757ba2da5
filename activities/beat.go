package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// defaultHeartbeats is how often a long activity reports its progress. A cancel
// arrives with the answer, and is to be obeyed within three seconds.
const defaultHeartbeats = time.Second

// heartbeatAnswer is how long the answer to a report is waited for. A Temporal
// that takes seconds is slow, not away.
const heartbeatAnswer = 5 * time.Second

// errShutdown is the cause of a context that the end of the worker cancels.
var errShutdown = errors.New("the worker was told to stop")

// heartbeater is the one call that beat makes; client.Client has it.
type heartbeater interface {
	RecordActivityHeartbeat(ctx context.Context, taskToken []byte, details ...any) error
}

// beat reports progress by task token every so often, until stop is called,
// and gives a context that ends when the task has to.
//
// The SDK's own heartbeats would end a transfer as soon as Temporal does not
// answer for a few seconds, since one number sets both how fast a cancel
// arrives and how long an outage may last. Here an outage may last as long as
// the heartbeat timeout, and a cancel arrives with the next report.
// That Temporal did not answer for some time is told in log.
func (s *Storage) beat(ctx context.Context, log io.Writer, progress func() any) (out context.Context, stop func()) {
	client := &outages{heartbeater: activity.GetClient(ctx), log: log, now: s.Now}
	return beat(ctx, client, s.heartbeats(), activity.RecordHeartbeat, progress)
}

func (s *Storage) heartbeats() time.Duration {
	if s.Heartbeats == 0 {
		return defaultHeartbeats
	}
	return s.Heartbeats
}

// outages notes how long nobody took the reports of an activity.
type outages struct {
	heartbeater
	log io.Writer
	now func() time.Time
	// since is when the first of the reports that failed was sent.
	since time.Time
}

// RecordActivityHeartbeat implements heartbeater.
func (o *outages) RecordActivityHeartbeat(ctx context.Context, taskToken []byte, details ...any) error {
	sent := o.now()
	err := o.heartbeater.RecordActivityHeartbeat(ctx, taskToken, details...)
	switch {
	case err != nil && !ended(err) && o.since.IsZero():
		o.since = sent
	case err == nil && !o.since.IsZero():
		fmt.Fprintf(o.log, "%s Temporal did not answer for %s; the transfer was not touched\n",
			o.now().UTC().Format(time.RFC3339), o.now().Sub(o.since).Round(time.Second))
		o.since = time.Time{}
	}
	return err
}

func beat(ctx context.Context, client heartbeater, every time.Duration, handOver func(context.Context, ...any), progress func() any) (context.Context, func()) {
	info := activity.GetInfo(ctx)
	shutdown := activity.GetWorkerStopChannel(ctx)
	out, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		accepted := time.Now()
		for {
			select {
			case <-out.Done():
				return
			case <-shutdown:
				cancel(errShutdown)
				return
			case <-tick.C:
			}
			call, end := context.WithTimeout(out, max(every, heartbeatAnswer))
			err := client.RecordActivityHeartbeat(call, info.TaskToken, progress())
			end()
			switch {
			case err == nil:
				accepted = time.Now()
			case ended(err):
				// Only the SDK can report a cancel as one: tell it, too.
				handOver(ctx, progress())
				cancel(err)
				return
			case info.HeartbeatTimeout > 0 && time.Since(accepted) > info.HeartbeatTimeout:
				cancel(fmt.Errorf("no progress report was accepted for %s: %w", info.HeartbeatTimeout, err))
				return
			}
		}
	}()
	return out, func() { cancel(nil); <-done }
}

// untilHeard waits until Temporal answers, as long as it would wait for the
// activity to report. A result that the SDK cannot hand over for some seconds
// is lost, and the step would only be looked at again after the heartbeat
// timeout.
func (s *Storage) untilHeard(ctx context.Context) {
	untilHeard(ctx, activity.GetClient(ctx), s.heartbeats())
}

func untilHeard(ctx context.Context, client heartbeater, every time.Duration) {
	info := activity.GetInfo(ctx)
	if info.HeartbeatTimeout == 0 {
		return
	}
	shutdown := activity.GetWorkerStopChannel(ctx)
	ctx, cancel := context.WithTimeout(ctx, info.HeartbeatTimeout)
	defer cancel()
	for {
		call, end := context.WithTimeout(ctx, every)
		err := client.RecordActivityHeartbeat(call, info.TaskToken)
		if err == nil || ended(err) {
			end()
			return
		}
		<-call.Done() // not more often than every
		end()
		select {
		case <-ctx.Done():
			return
		case <-shutdown:
			return
		default:
		}
	}
}

// ended says whether the answer to a heartbeat means that the task is over:
// cancelled, paused, reset, or not known any more.
func ended(err error) bool {
	var canceled *temporal.CanceledError
	var gone *serviceerror.NotFound
	return errors.As(err, &canceled) || errors.As(err, &gone) ||
		errors.Is(err, activity.ErrActivityPaused) || errors.Is(err, activity.ErrActivityReset)
}
