package activities

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
)

// server answers heartbeats as it is told.
type server struct {
	mu      sync.Mutex
	answer  error
	beats   int
	details []any
}

func (s *server) RecordActivityHeartbeat(_ context.Context, _ []byte, details ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats++
	s.details = details
	return s.answer
}

func (s *server) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = err
}

func (s *server) seen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beats
}

// beating runs do inside an activity that beats every millisecond; told counts
// what was handed over to the SDK.
func beating(t *testing.T, s heartbeater, stop chan struct{}, do func(ctx context.Context)) (told int) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetHeartbeatDetails(nil)
	if stop != nil {
		env.SetWorkerStopChannel(stop)
	}
	run := func(ctx context.Context) error {
		out, end := beat(ctx, s, time.Millisecond, func(context.Context, ...any) { told++ }, func() any { return "progress" })
		defer end()
		do(out)
		return nil
	}
	env.RegisterActivityWithOptions(run, activity.RegisterOptions{Name: "run"})
	_, err := env.ExecuteActivity(run)
	require.NoError(t, err)
	return told
}

func waitFor(t *testing.T, ctx context.Context) error {
	t.Helper()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(10 * time.Second):
		t.Fatal("the context did not end")
		return nil
	}
}

func TestBeatReportsProgress(t *testing.T) {
	t.Parallel()
	s := &server{}
	told := beating(t, s, nil, func(ctx context.Context) {
		require.Eventually(t, func() bool { return s.seen() > 3 }, 10*time.Second, time.Millisecond)
		require.NoError(t, ctx.Err())
	})
	require.Zero(t, told)
	require.Equal(t, []any{"progress"}, s.details)
}

// Temporal being away for less than the heartbeat timeout ends nothing.
func TestBeatSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	s := &server{}
	beating(t, s, nil, func(ctx context.Context) {
		require.Eventually(t, func() bool { return s.seen() > 0 }, 10*time.Second, time.Millisecond)
		s.set(serviceerror.NewUnavailable("away"))
		was := s.seen()
		require.Eventually(t, func() bool { return s.seen() > was+20 }, 10*time.Second, time.Millisecond)
		s.set(nil)
		require.NoError(t, ctx.Err())
	})
}

// slowServer takes longer for an answer than there is between two reports.
type slowServer struct{ server }

func (s *slowServer) RecordActivityHeartbeat(ctx context.Context, token []byte, details ...any) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return s.server.RecordActivityHeartbeat(ctx, token, details...)
	}
}

// A Temporal under load is waited for.
func TestBeatWaitsForSlowAnswers(t *testing.T) {
	t.Parallel()
	s := &slowServer{}
	beating(t, s, nil, func(ctx context.Context) {
		require.Eventually(t, func() bool { return s.seen() > 2 }, 10*time.Second, time.Millisecond)
		require.NoError(t, ctx.Err())
	})
}

// A cancel ends the context with its own cause, and is handed to the SDK once,
// which alone can report it as one.
func TestBeatHandsACancelOver(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"cancelled": temporal.NewCanceledError(), "gone": serviceerror.NewNotFound("workflow ended"), "paused": activity.ErrActivityPaused,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{}
			s.set(answer)
			told := beating(t, s, nil, func(ctx context.Context) {
				require.ErrorIs(t, waitFor(t, ctx), answer)
			})
			require.Equal(t, 1, told)
		})
	}
}

func TestBeatEndsWithTheWorker(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	close(stop)
	beating(t, &server{}, stop, func(ctx context.Context) {
		require.True(t, errors.Is(waitFor(t, ctx), errShutdown))
	})
}
