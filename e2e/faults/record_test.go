//go:build faults

package faults

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/workflows"
)

// record makes TestRecordHistories write what the replay test of the workflows
// reads. A change of a workflow that old histories do not follow needs a
// version in the code; records of released versions stay.
var record = flag.Bool("record", false, "record the histories in workflows/testdata/replay anew")

// A clean run, one that waits, one that fails and one that is cancelled.
func TestRecordHistories(t *testing.T) {
	t.Parallel()
	if !*record {
		t.Skip("histories are recorded on demand: -record")
	}
	clean := newHost(t, "acme/clean", mib)
	r := clean.ended(t, clean.start(t))
	require.Equal(t, policy.StateOK, r.State)
	keep(t, "clean", clean, r.ID)

	ready := filepath.Join(t.TempDir(), "ready")
	waiting := newHost(t, "acme/waiting", mib, "--check-file", ready)
	run := waiting.start(t)
	eventually(t, func() bool {
		r, err := theCatalog(t).Run(t.Context(), run)
		return err == nil && r.State == policy.StateWaiting
	}, "the run does not wait")
	require.NoError(t, os.WriteFile(ready, nil, 0o600))
	stack.Must(t, "backup", waiting.name, "--now")
	require.Equal(t, policy.StateOK, waiting.ended(t, run).State)
	keep(t, "waiting", waiting, run)

	broken := newHost(t, "acme/failed", mib)
	broken.ssh.Kill()
	run = broken.start(t)
	require.Equal(t, policy.StateFailed, broken.ended(t, run).State)
	keep(t, "failed", broken, run)

	cancelled := newHost(t, "acme/cancelled", 16*mib, "--bandwidth", "512K")
	run = cancelled.startPull(t)
	stack.Must(t, "run", "cancel", run)
	require.Equal(t, policy.StateCancelled, cancelled.ended(t, run).State)
	keep(t, "cancelled", cancelled, run)
}

// A verification that proves something.
func TestRecordVerification(t *testing.T) {
	t.Parallel()
	if !*record {
		t.Skip("histories are recorded on demand: -record")
	}
	h := newHost(t, "acme/verified", mib)
	require.Equal(t, policy.StateOK, h.ended(t, h.start(t)).State)
	stack.Must(t, "verify", h.name)
	runs, err := theCatalog(t).Runs(t.Context(), catalog.RunFilter{Host: mustParse(t, h.name), Kind: catalog.KindVerify})
	require.NoError(t, err)
	require.Len(t, runs, 1)
	keepHistory(t, "verified", runs[0].WorkflowID, runs[0].ID)
}

// A restore, and one that is cancelled.
func TestRecordHistoriesOfRestores(t *testing.T) {
	if !*record {
		t.Skip("histories are recorded on demand: -record")
	}
	h := newHost(t, "acme/restored", 16*mib)
	h.requireGood(t, h.ended(t, h.start(t)))
	slowRestores(t)
	dir := t.TempDir()
	store := theCatalog(t)
	for name, state := range map[string]string{"restored": policy.StateOK, "restore-cancelled": policy.StateCancelled} {
		to := filepath.Join(dir, name)
		run := h.startRestore(t, workflows.RestoreInput{To: to})
		if state == policy.StateCancelled {
			eventually(t, func() bool { return restoring(to) }, "the restore does not begin")
			stack.Must(t, "run", "cancel", run)
		}
		require.Equal(t, state, h.ended(t, run).State)
		r, err := store.Run(t.Context(), run)
		require.NoError(t, err)
		keepHistory(t, name, r.WorkflowID, run)
	}
}

// keep writes the history of a closed backup to testdata.
func keep(t testing.TB, name string, h host, run string) {
	t.Helper()
	keepHistory(t, name, workflows.BackupID(mustParse(t, h.name)), run)
}

// keepHistory writes the history of a closed run to testdata.
func keepHistory(t testing.TB, name, id, run string) {
	t.Helper()
	c := temporal(t)
	_ = c.GetWorkflow(t.Context(), id, run).Get(t.Context(), nil) // its end, whatever it is
	var history historypb.History
	events := c.GetWorkflowHistory(t.Context(), id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, e)
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&history)
	require.NoError(t, err)
	dir := filepath.Join("..", "..", "workflows", "testdata", "replay")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".json"), append(text, '\n'), 0o644))
}
