//go:build faults

package faults

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/policy"
)

// holdRecord keeps the row of a run locked, so that the record step waits for
// it: the place to break things at.
func holdRecord(t testing.TB, run string) {
	t.Helper()
	conn := connect(t)
	tx, err := conn.Begin(within(t))
	require.NoError(t, err)
	tag, err := tx.Exec(within(t), "select from runs where id = $1 for update", run)
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected())
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
}

// recording waits until the record step waits for holdRecord.
func recording(t testing.TB) {
	t.Helper()
	conn := connect(t)
	defer conn.Close(context.Background())
	eventually(t, func() bool {
		var n int
		err := conn.QueryRow(within(t), `select count(*) from pg_stat_activity
			where wait_event_type = 'Lock' and query ilike '%update runs set state%'`).Scan(&n)
		return err == nil && n > 0
	}, "nobody records")
}

func connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(within(t), stack.Postgres.URL("planb"))
	require.NoError(t, err)
	return conn
}

// PostgreSQL, which Temporal keeps its own state in too, is killed while the
// end of a run is recorded.
func TestPostgresKilledAtTheRecordStep(t *testing.T) {
	breaks(t)
	h := newHost(t, "postgres/record", 2*mib, "--bandwidth", "1M")
	run := h.startPull(t)
	holdRecord(t, run)
	recording(t)
	require.Len(t, harness.Snapshots(t, h.dataset()), 1)
	require.NoError(t, stack.Postgres.Kill())
	stack.Up(t)
	r := h.ended(t, run)
	h.requireGood(t, r)
	h.requireOneRun(t)
	require.Equal(t, 1, rsyncs(t, run))
	require.NotNil(t, r.FilesTotal)
	requireStory(t, run, "state ok", "record")
}

// Everything is stopped in good order while a run waits, and started again.
func TestEverythingStoppedBetweenTwoSteps(t *testing.T) {
	breaks(t)
	ready := filepath.Join(t.TempDir(), "ready")
	h := newHost(t, "all/stopped", mib, "--check-file", ready)
	run := h.start(t)
	waits := func() bool {
		r, err := theCatalog(t).Run(t.Context(), run)
		return err == nil && r.State == policy.StateWaiting
	}
	eventually(t, waits, "the run does not wait")
	requireStory(t, run, "state waiting", "the file to check is not there: "+ready, "next try")
	stack.Down(t)
	stack.Up(t)
	require.True(t, waits())
	require.Zero(t, rsyncs(t, run))

	require.NoError(t, os.WriteFile(ready, nil, 0o600))
	stack.Must(t, "backup", h.name, "--now")
	h.requireGood(t, h.ended(t, run))
	h.requireOneRun(t)
	require.Equal(t, 1, rsyncs(t, run))
	requireStory(t, run, "state ok", "wait", "the file to check is not there")
}

// The power goes after the snapshot, before anybody has it on record.
func TestEverythingKilledBetweenTwoSteps(t *testing.T) {
	breaks(t)
	h := newHost(t, "all/killed", 2*mib, "--bandwidth", "1M")
	run := h.startPull(t)
	holdRecord(t, run)
	recording(t)
	killWorker(t)
	require.NoError(t, stack.Temporal.Kill())
	require.NoError(t, stack.Postgres.Kill())
	stack.Export(t, stack.ZFS.Kill)
	stack.Up(t)
	h.requireGood(t, h.ended(t, run))
	h.requireOneRun(t)
	require.Equal(t, 1, rsyncs(t, run))
	requireStory(t, run, "state ok", "record")
}
