package workflows

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// What runs now follows the histories of real runs, as it must when it takes
// them over in the middle. They are recorded by the tests
// in e2e/faults and, of reports, in e2e.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/replay/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(file)
			require.NoError(t, err)
			defer f.Close()
			history, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
			require.NoError(t, err)
			if file == "testdata/replay/clean.json" {
				require.Less(t, len(history.GetEvents()), 80, "the history of a clean run grows")
			}
			r := worker.NewWorkflowReplayer()
			r.RegisterWorkflowWithOptions(BackupHost, workflow.RegisterOptions{Name: BackupHostName})
			r.RegisterWorkflowWithOptions(VerifyHost, workflow.RegisterOptions{Name: VerifyHostName})
			r.RegisterWorkflowWithOptions(RestoreHost, workflow.RegisterOptions{Name: RestoreHostName})
			r.RegisterWorkflowWithOptions(DailyDigest, workflow.RegisterOptions{Name: DailyDigestName})
			r.RegisterWorkflowWithOptions(MonthlyReport, workflow.RegisterOptions{Name: MonthlyReportName})
			r.RegisterWorkflowWithOptions(ReportsDue, workflow.RegisterOptions{Name: ReportsDueName})
			r.RegisterWorkflowWithOptions(WatchFleet, workflow.RegisterOptions{Name: WatchFleetName})
			require.NoError(t, r.ReplayWorkflowHistory(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history))
		})
	}
}
