package e2e

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"planb/internal/sshx/sshtest"
)

// A run can be followed in Temporal's own pages by somebody who has never seen
// the code: under a telling id, with host and state to search for, each step
// with a name and a summary.
func TestRunIsReadableInTemporal(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "readable/web1", s, "--include", "etc")
	backupOK(t, "readable/web1")
	run := backup(t, "readable/web1")

	c := temporal(t)
	id, runID := run["workflow_id"].(string), run["workflow_run_id"].(string)
	require.Equal(t, "backup/readable/web1", id)
	d, err := c.DescribeWorkflowExecution(t.Context(), id, runID)
	require.NoError(t, err)
	info := d.GetWorkflowExecutionInfo()
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, info.GetStatus())
	require.Equal(t, "BackupHost", info.GetType().GetName())
	require.Less(t, info.GetHistoryLength(), int64(80))
	require.Equal(t, "readable/web1", attribute(t, info, "PlanbHost"))
	require.Equal(t, "readable", attribute(t, info, "PlanbGroup"))
	require.Equal(t, "ok", attribute(t, info, "PlanbState"))
	require.Contains(t, decoded(t, d.GetExecutionConfig().GetUserMetadata().GetSummary()), "backup of readable/web1")

	steps := stepsOf(t, c, id, runID)
	var names []string
	for _, step := range steps {
		names = append(names, step.name)
		require.NotEmpty(t, step.summary, step.name)
	}
	// Others may come between them.
	require.Subset(t, names, []string{"Load", "PreCheck", "Prepare", "Pull", "Snapshot", "Prune", "Measure", "Record"})
	require.Contains(t, find(t, rowsOf(steps), "name", "Pull")["summary"], stack.Storage+"/readable/web1")
	require.Contains(t, find(t, rowsOf(steps), "name", "Snapshot")["summary"], run["snapshot"])

	// The fields that an operator searches by. Visibility follows in its time.
	require.Eventually(t, func() bool {
		found, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: `PlanbHost = "readable/web1" and PlanbState = "ok" and WorkflowType = "BackupHost"`,
		})
		return err == nil && found.GetCount() == 2
	}, patience, 100*time.Millisecond)
}

// step is an activity as a history has it.
type step struct{ name, summary string }

func rowsOf(steps []step) (rows []row) {
	for _, s := range steps {
		rows = append(rows, row{"name": s.name, "summary": s.summary})
	}
	return rows
}

func stepsOf(t testing.TB, c client.Client, id, runID string) (steps []step) {
	t.Helper()
	for _, e := range history(t, c, id, runID) {
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			steps = append(steps, step{a.GetActivityType().GetName(), decoded(t, e.GetUserMetadata().GetSummary())})
		}
	}
	return steps
}

func history(t testing.TB, c client.Client, id, runID string) (events []*historypb.HistoryEvent) {
	t.Helper()
	it := c.GetWorkflowHistory(t.Context(), id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		require.NoError(t, err)
		events = append(events, e)
	}
	return events
}

func attribute(t testing.TB, info *workflowpb.WorkflowExecutionInfo, name string) string {
	t.Helper()
	return decoded(t, info.GetSearchAttributes().GetIndexedFields()[name])
}

func decoded(t testing.TB, p *commonpb.Payload) (text string) {
	t.Helper()
	if p != nil {
		require.NoError(t, converter.GetDefaultDataConverter().FromPayload(p, &text))
	}
	return text
}

// Of two backups of one host at once, one runs and the other is told so.
func TestOneBackupAtATime(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "twice/web1", s, "--include", "/")
	var ends [2]result
	var both sync.WaitGroup
	for i := range ends {
		both.Go(func() { ends[i] = planb(t, "backup", "twice/web1", "--wait", "--json") })
	}
	both.Wait()
	ran, told := ends[0], ends[1]
	if ran.code != done {
		ran, told = told, ran
	}
	require.Equal(t, done, ran.code, ran.stderr)
	run := decode(t, ran.stdout)[0]
	require.Equal(t, "ok", run["state"])
	require.Equal(t, refused, told.code, told.stderr)
	require.Contains(t, told.stderr, "a backup of twice/web1 is under way already")
	require.Contains(t, told.stderr, "planb run show "+run["run"].(string))
	require.Len(t, listing(t, "runs", "twice/web1"), 1)
	require.Len(t, snapshotsOn(t, "twice/web1"), 1)
}

// Temporal has a schedule for each host that is like the host, and none for
// one that is gone.
func TestSchedulesFollowHosts(t *testing.T) {
	t.Parallel()
	s := sshtest.Server(t)
	c := temporal(t)
	addHost(t, "sched/web1", s, "--window", "22:00-06:00", "--tz", "Europe/Amsterdam")
	d := schedule(t, c, "sched/web1")
	require.False(t, d.Schedule.State.Paused)
	require.Equal(t, "Europe/Amsterdam", d.Schedule.Spec.TimeZoneName)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, d.Schedule.Policy.Overlap)
	require.NotEmpty(t, d.Info.NextActionTimes)
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	hour := d.Info.NextActionTimes[0].In(amsterdam).Hour()
	require.True(t, hour >= 22 || hour < 6, hour)
	row := find(t, listing(t, "schedule", "list", "sched/web1"), "host", "sched/web1")
	require.Equal(t, d.Info.NextActionTimes[0].UTC().Format(time.RFC3339), row["next"])

	must(t, "host", "disable", "sched/web1", "--reason", "new hardware")
	d = schedule(t, c, "sched/web1")
	require.True(t, d.Schedule.State.Paused)
	require.Contains(t, d.Schedule.State.Note, "new hardware")
	must(t, "host", "enable", "sched/web1")
	require.False(t, schedule(t, c, "sched/web1").Schedule.State.Paused)

	must(t, "host", "edit", "sched/web1", "--every", "6h", "--unset", "window")
	next := schedule(t, c, "sched/web1").Info.NextActionTimes
	require.Equal(t, 6*time.Hour, next[1].Sub(next[0]))

	must(t, "host", "rename", "sched/web1", "sched/web2")
	require.Nil(t, schedule(t, c, "sched/web1"))
	require.NotNil(t, schedule(t, c, "sched/web2"))
	must(t, "host", "rm", "sched/web2", "--yes")
	require.Nil(t, schedule(t, c, "sched/web2"))
}

// What somebody does to a schedule behind PlanB's back is found and mended.
func TestScheduleSyncMends(t *testing.T) {
	s := sshtest.Server(t)
	c := temporal(t)
	for _, host := range []string{"mend/gone", "mend/paused"} {
		addHost(t, host, s)
	}
	require.NoError(t, c.ScheduleClient().GetHandle(t.Context(), "schedule/mend/gone").Delete(t.Context()))
	require.NoError(t, c.ScheduleClient().GetHandle(t.Context(), "schedule/mend/paused").
		Pause(t.Context(), client.SchedulePauseOptions{Note: "by somebody"}))
	want := []row{{"host": "mend/gone", "action": "create"}, {"host": "mend/paused", "action": "resume"}}

	r := planb(t, "schedule", "check", "--json")
	require.Equal(t, failed, r.code)
	require.Equal(t, want, decode(t, r.stdout))
	require.Nil(t, schedule(t, c, "mend/gone"))
	require.Equal(t, want, listing(t, "schedule", "sync"))
	require.NotNil(t, schedule(t, c, "mend/gone"))
	require.False(t, schedule(t, c, "mend/paused").Schedule.State.Paused)
	require.Empty(t, listing(t, "schedule", "check"))
}

// schedule gives the schedule of a host, nil when there is none.
func schedule(t testing.TB, c client.Client, host string) *client.ScheduleDescription {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d, err := c.ScheduleClient().GetHandle(ctx, "schedule/"+host).Describe(ctx)
	var missing *serviceerror.NotFound
	if err != nil {
		require.ErrorAs(t, err, &missing)
		return nil
	}
	return d
}

// The schedule starts a backup on its own, under the same id as one by hand.
func TestScheduleStartsBackup(t *testing.T) {
	t.Parallel()
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "byclock/web1", s, "--include", "etc", "--every", "1h")
	handle := temporal(t).ScheduleClient().GetHandle(t.Context(), "schedule/byclock/web1")
	require.NoError(t, handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	var runs []row
	require.Eventually(t, func() bool {
		runs = listing(t, "runs", "byclock/web1")
		return len(runs) > 0 && runs[0]["finished"] != nil
	}, patience, 100*time.Millisecond)
	require.Len(t, runs, 1)
	require.Equal(t, "ok", runs[0]["state"], "%v", runs[0])
	require.Equal(t, "schedule", runs[0]["trigger"])
	require.Equal(t, "backup/byclock/web1", runs[0]["workflow_id"])
	require.Len(t, snapshotsOn(t, "byclock/web1"), 1)
}
