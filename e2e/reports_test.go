package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"planb/internal/config"
	"planb/internal/sshx/sshtest"
	"planb/worker/schedules"
	"planb/workflows"
)

// TestReports has the digest and monthly reports mailed, by hand and by the
// schedule, once to each one, also when the mail server is away and PlanB is
// killed meanwhile.
func TestReports(t *testing.T) {
	t.Parallel()
	office, where := openPostOffice(t)
	s, _ := newSite(t, "reports", fmt.Sprintf(`  url: http://planb.example
notify:
  channels:
    - {name: office, type: mail, server: "%s", tls: none, from: planb@backup.example, to: [ops@backup.example, gone@backup.example], severity: critical}
reports: {at: "00:00"}
`, where))
	server := sshtest.Server(t, sshtest.Options{Root: source(t)})
	s.must("group", "add", "acme", "--email", "owner@acme.example")
	s.must("group", "add", "quiet")
	s.must(append(addArgs("acme/web1", server), "--include", "/")...)
	s.must("backup", "acme/web1", "--wait")
	month := time.Now().UTC().AddDate(0, 0, -time.Now().UTC().Day()).Format("2006-01")

	r := planbWith(t, s.env(), "report", "--digest", "--output", "mail")
	require.Equal(t, failed, r.code, "one address is refused")
	require.Contains(t, r.stdout, "was sent to ops@backup.example")
	require.Contains(t, r.stderr, "was not sent to gone@backup.example")
	require.Contains(t, r.stderr, "no such user")
	require.Equal(t, []string{"PlanB: 1 ok"}, office.subjects("ops@backup.example"))
	require.Contains(t, s.must("report", "list"), "gone@backup.example gave up: ")

	r = planbWith(t, s.env(), "report", "--digest", "--output", "mail")
	require.Contains(t, r.stdout, "ops@backup.example has the digest of ")
	require.Len(t, office.subjects("ops@backup.example"), 1, "sent once")
	r = planbWith(t, s.env(), "report", "--digest", "--output", "mail", "--again")
	require.Contains(t, r.stdout, "was sent to ops@backup.example")
	require.Len(t, office.subjects("ops@backup.example"), 2)

	// A group's report goes to the group alone.
	s.must("report", "--group", "acme", "--output", "mail")
	require.Contains(t, s.must("report", "--month", month, "--output", "mail"), "the report of quiet for "+month+" was sent to nobody")
	require.Len(t, office.subjects("owner@acme.example"), 1)
	require.Contains(t, office.subjects("owner@acme.example")[0], "PlanB: acme, ")
	require.Len(t, office.subjects("ops@backup.example"), 2)
	require.Equal(t, refused, planbWith(t, s.env(), "report", "--group", "quiet", "--output", "mail").code)
	require.Equal(t, refused, planbWith(t, s.env(), "report", "--group", "acme", "--month", time.Now().UTC().Format("2006-01"), "--output", "mail").code)
	require.Equal(t, notFound, planbWith(t, s.env(), "report", "--group", "nobody", "--output", "mail").code)
	require.Equal(t, usage, planbWith(t, s.env(), "report", "--again").code)

	// By its old name: to nobody who has it, unless that is asked for.
	require.Contains(t, s.must("breport", "--output", "email", "ac*"), "owner@acme.example has the report of acme")
	require.Len(t, office.subjects("owner@acme.example"), 1)
	require.Contains(t, s.must("breport", "--output", "email", "--force", "ac*"), "was sent to owner@acme.example")
	require.Len(t, office.subjects("owner@acme.example"), 2)

	// By the schedule, for a group that was there in that month; the mail server is
	// away until PlanB was killed.
	s.must("group", "add", "later", "--email", "owner@later.example")
	cfg, err := config.Load(s.config, nil)
	require.NoError(t, err)
	db, err := pgx.Connect(t.Context(), cfg.Database.URL)
	require.NoError(t, err)
	defer func() { _ = db.Close(t.Context()) }()
	_, err = db.Exec(t.Context(), "update groups set created_at = now() - interval '70 days'")
	require.NoError(t, err)
	office.setAway(true)
	schedule := temporalOf(t, namespaceOf("reports")).ScheduleClient().GetHandle(t.Context(), workflows.ReportsScheduleID)
	require.NoError(t, schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool {
		return strings.Contains(s.must("report", "list"), "owner@later.example waits: the mail server")
	}, patience, 200*time.Millisecond)
	s.kill()
	office.setAway(false)
	s.start()
	require.Eventually(t, func() bool { return len(office.subjects("owner@later.example")) > 0 }, 2*patience, 200*time.Millisecond)
	require.Equal(t, []string{"PlanB: later, " + wordsOf(t, month) + ": 0 hosts"}, office.subjects("owner@later.example"))
	require.Len(t, office.subjects("owner@acme.example"), 2, "sent once, and once more by hand")
	require.Len(t, office.subjects("ops@backup.example"), 2, "the digest of today was sent")

	daily := func(want string, zone *time.Location) {
		t.Helper()
		d, err := schedule.Describe(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, d.Info.NextActionTimes)
		for _, at := range d.Info.NextActionTimes {
			require.Equal(t, want, at.In(zone).Format(time.TimeOnly))
		}
	}
	daily("00:00:00", time.UTC)
	if *record {
		keepHistory(t, "digest", workflows.DailyDigestName)
		keepHistory(t, "monthly", workflows.MonthlyReportName)
		keepHistory(t, "reports-due", workflows.ReportsDueName)
	}

	// The schedule follows the configuration, and is gone where nothing is mailed.
	s.stop()
	syncer := schedules.Syncer{Client: temporalOf(t, namespaceOf("reports")).ScheduleClient()}
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	require.NoError(t, syncer.EnsureReports(t.Context(), &schedules.ReportTimes{At: 5*time.Hour + 30*time.Minute, Zone: amsterdam.String()}))
	daily("05:30:00", amsterdam)
	for range 2 {
		require.NoError(t, syncer.EnsureReports(t.Context(), nil))
	}
	_, err = schedule.Describe(t.Context())
	require.Error(t, err)
	require.NoError(t, syncer.EnsureReports(t.Context(), &schedules.ReportTimes{At: 7 * time.Hour, Zone: "UTC"}))
	daily("07:00:00", time.UTC)
}

// record makes TestReports and TestWatch write what the replay test of the workflows reads.
// Records of released versions stay.
var record = flag.Bool("record", false, "record the histories of reports and looks in workflows/testdata/replay anew")

// keepHistory writes the history of the newest closed workflow of a name to testdata.
func keepHistory(t *testing.T, file, name string) {
	t.Helper()
	keepHistoryOf(t, namespaceOf("reports"), file, name)
}

func keepHistoryOf(t *testing.T, namespace, file, name string) {
	t.Helper()
	c := temporalOf(t, namespace)
	var found []*workflowpb.WorkflowExecutionInfo
	require.Eventually(t, func() bool {
		list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: "WorkflowType = '" + name + "' and ExecutionStatus = 'Completed'",
		})
		found = list.GetExecutions()
		return err == nil && len(found) > 0
	}, patience, 200*time.Millisecond)
	var history historypb.History
	events := c.GetWorkflowHistory(t.Context(), found[0].GetExecution().GetWorkflowId(), found[0].GetExecution().GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, e)
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&history)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join("..", "workflows", "testdata", "replay", file+".json"), append(text, '\n'), 0o644))
}

func wordsOf(t *testing.T, month string) string {
	t.Helper()
	m, err := time.Parse("2006-01", month)
	require.NoError(t, err)
	return m.Format("January 2006")
}
