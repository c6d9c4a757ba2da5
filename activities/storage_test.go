package activities

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/zfs"
	"planb/internal/zfs/zfstest"
)

var web1 = ident.Host{Group: "acme", Name: "web1"}

// night is when the snapshots of tests are taken; the last one is of this day.
var night = time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)

// storageServer is a storage server with a pool of its own, one host on it, and a
// clock that tests set.
type storageServer struct {
	*Storage
	t    *testing.T
	plan Plan
	now  time.Time
}

func newStorageServer(t *testing.T, settings policy.Settings) *storageServer {
	t.Helper()
	client, parent := zfstest.Pool(t)
	s := &storageServer{t: t, now: night.Add(time.Hour)}
	s.Storage = &Storage{
		ZFS: client, State: t.TempDir(), Parents: []string{parent}, Root: true, Log: slog.Default(),
		// There is nobody here to report to.
		Heartbeats: time.Hour,
		Now:        func() time.Time { return s.now }, FreeWarn: 10, FreeStop: 2,
	}
	s.plan = Plan{
		Run: "run", HostID: "11111111-aaaa-4000-8000-000000000001", Host: web1,
		Server: "store1", Storage: parent, Dataset: parent + "/acme/web1",
		Policy: policy.Resolve(policy.Settings{}, policy.Settings{}, settings),
	}
	do[Prepared](s, s.Prepare, s.plan)
	return s
}

// try runs an activity as a worker would.
func try[T any](s *storageServer, activity, in any) (T, error) {
	s.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(activity)
	var out T
	result, err := env.ExecuteActivity(activity, in)
	if err == nil && result.HasValue() {
		require.NoError(s.t, result.Get(&out))
	}
	return out, err
}

// do is try for what must succeed.
func do[T any](s *storageServer, activity, in any) T {
	s.t.Helper()
	out, err := try[T](s, activity, in)
	require.NoError(s.t, err)
	return out
}

// refuses runs an activity that has to fail for good, and gives its sentence.
func (s *storageServer) refuses(errType string, activity, in any) string {
	s.t.Helper()
	_, err := try[any](s, activity, in)
	require.Equal(s.t, errType, ErrType(err), "%v", err)
	return Message(err)
}

// take takes the daily snapshot of so many days before the last night.
func (s *storageServer) take(daysAgo int, state string) (name string) {
	s.t.Helper()
	name = "daily-" + night.AddDate(0, 0, -daysAgo).Format("200601021504")
	_, _, err := s.ZFS.TakeSnapshot(s.t.Context(), s.plan.Dataset, name, map[string]string{zfs.PropState: state})
	require.NoError(s.t, err)
	return name
}

func (s *storageServer) takeAll(days int) {
	s.t.Helper()
	for i := days - 1; i >= 0; i-- {
		s.take(i, policy.StateOK)
	}
}

// there gives the snapshots by name.
func (s *storageServer) there() map[string]zfs.Snapshot {
	s.t.Helper()
	snaps, err := s.ZFS.Snapshots(s.t.Context(), s.plan.Dataset)
	require.NoError(s.t, err)
	out := map[string]zfs.Snapshot{}
	for _, snap := range snaps {
		out[snap.Name] = snap
	}
	return out
}

func keep(t *testing.T, text string) policy.Settings {
	t.Helper()
	r, err := policy.ParseRetention(text)
	require.NoError(t, err)
	return policy.Settings{Keep: &r, FloorCount: new(1)}
}
