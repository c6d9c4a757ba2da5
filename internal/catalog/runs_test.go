package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

// base is a time that PostgreSQL keeps exactly: it has microseconds.
var base = time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)

const runA = "11111111-aaaa-4000-8000-00000000000a"

func start(h catalog.Host, id string) catalog.RunStart {
	return catalog.RunStart{
		ID: id, WorkflowID: "backup/" + h.Ident().String(), HostID: h.ID, Host: h.Ident(),
		Kind: catalog.KindBackup, Trigger: "schedule", Started: base,
	}
}

func TestRunFromBeginToEnd(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	r := start(h, runA)
	for range 2 {
		require.NoError(t, s.BeginRun(t.Context(), r))
	}
	next := base.Add(time.Hour)
	require.NoError(t, s.SetWaiting(t.Context(), r, "do-not-run.d is not empty", next))
	got, err := s.Run(t.Context(), runA[:6])
	require.NoError(t, err)
	require.Equal(t, "waiting", got.State)
	require.Equal(t, catalog.Text("do-not-run.d is not empty"), got.Reason)
	require.True(t, next.Equal(*got.NextTry))

	require.NoError(t, s.BeginRun(t.Context(), r))
	end := catalog.RunEnd{
		State: policy.StateWarning, Finished: base.Add(90 * time.Second), Snapshot: "daily-202611230130",
		FilesTotal: new(int64(12)), BytesTransferred: new(int64(4096)), Warnings: 1, Message: "1 file vanished",
	}
	for range 2 {
		require.NoError(t, s.FinishRun(t.Context(), r, end))
	}
	got, err = s.Run(t.Context(), runA)
	require.NoError(t, err)
	require.Equal(t, "warning", got.State)
	require.Empty(t, got.Reason)
	require.Nil(t, got.NextTry)
	require.InDelta(t, 90, got.DurationSeconds, 0.001)
	require.Equal(t, int64(12), *got.FilesTotal)
	require.Nil(t, got.FilesDeleted)
	require.Equal(t, runA, got.WorkflowRunID)
	h, err = s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, "daily-202611230130", h.LastGoodSnapshot)
}

func TestEndedRunStaysEnded(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	r := start(h, runA)
	require.NoError(t, s.FinishRun(t.Context(), r, catalog.RunEnd{State: policy.StateCancelled, Finished: base}))
	require.NoError(t, s.BeginRun(t.Context(), r))
	require.NoError(t, s.SetWaiting(t.Context(), r, "late", base))
	closed, err := s.CloseRun(t.Context(), runA, policy.StateFailed, base, "lost", "")
	require.NoError(t, err)
	require.False(t, closed)
	got, err := s.Run(t.Context(), runA)
	require.NoError(t, err)
	require.Equal(t, policy.StateCancelled, got.State)
	require.True(t, catalog.IsInvalid(s.FinishRun(t.Context(), r, catalog.RunEnd{State: policy.StateRunning, Finished: base})))
}

func TestLostRunIsClosed(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	require.NoError(t, s.BeginRun(t.Context(), start(h, runA)))
	open, err := s.Runs(t.Context(), catalog.RunFilter{UnderWay: true})
	require.NoError(t, err)
	require.Len(t, open, 1)
	closed, err := s.CloseRun(t.Context(), runA, policy.StateFailed, base, "the workflow was terminated", "start it again")
	require.NoError(t, err)
	require.True(t, closed)
	got, err := s.Run(t.Context(), runA)
	require.NoError(t, err)
	require.Equal(t, catalog.Text("the workflow was terminated"), got.Message)
}

func TestLastGoodMovesOnlyForwardAndOnlyByGoodBackups(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	finish := func(id string, at time.Time, change func(*catalog.RunStart, *catalog.RunEnd)) string {
		r := start(h, id)
		e := catalog.RunEnd{State: policy.StateOK, Finished: at, Snapshot: "snap-" + id, SnapshotCreated: &at}
		change(&r, &e)
		require.NoError(t, s.FinishRun(t.Context(), r, e))
		now, err := s.Host(t.Context(), web1)
		require.NoError(t, err)
		return now.LastGoodSnapshot
	}
	require.Empty(t, finish("1", base, func(_ *catalog.RunStart, e *catalog.RunEnd) { e.State = policy.StatePartial }))
	require.Empty(t, finish("2", base, func(_ *catalog.RunStart, e *catalog.RunEnd) { e.Suspect = true }))
	require.Empty(t, finish("3", base, func(r *catalog.RunStart, _ *catalog.RunEnd) { r.Kind = catalog.KindRestore }))
	require.Empty(t, finish("4", base, func(_ *catalog.RunStart, e *catalog.RunEnd) { e.Snapshot = "" }))
	same := func(*catalog.RunStart, *catalog.RunEnd) {}
	require.Equal(t, "snap-5", finish("5", base.Add(time.Hour), same))
	require.Equal(t, "snap-5", finish("6", base, same))
	require.Equal(t, "snap-7", finish("7", base.Add(2*time.Hour), same))
}

func TestRunsAreFoundByPrefixFilterAndPresentName(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	other := addHost(t, s, ident.Host{Group: "beta", Name: "db"})
	for i, h := range []catalog.Host{h, h, other} {
		r := start(h, "abc-"+string(rune('1'+i)))
		r.Started = base.Add(time.Duration(i) * time.Hour)
		require.NoError(t, s.FinishRun(t.Context(), r, catalog.RunEnd{State: []string{"ok", "failed", "ok"}[i], Finished: r.Started}))
	}
	_, err := s.RenameHost(t.Context(), h.ID, ident.Host{Group: "acme", Name: "www"}, "", "")
	require.NoError(t, err)
	ids := func(f catalog.RunFilter) string {
		found, err := s.Runs(t.Context(), f)
		require.NoError(t, err)
		text := ""
		for _, r := range found {
			text += r.ID + " " + r.Host + ";"
		}
		return text
	}
	require.Equal(t, "abc-3 beta/db;abc-2 acme/www;abc-1 acme/www;", ids(catalog.RunFilter{}))
	require.Equal(t, "abc-2 acme/www;abc-1 acme/www;", ids(catalog.RunFilter{Host: ident.Host{Group: "acme", Name: "www"}}))
	require.Empty(t, ids(catalog.RunFilter{Host: web1}))
	require.Equal(t, "abc-3 beta/db;", ids(catalog.RunFilter{Group: "beta"}))
	require.Equal(t, "abc-2 acme/www;", ids(catalog.RunFilter{State: "failed"}))
	require.Equal(t, "abc-3 beta/db;", ids(catalog.RunFilter{Limit: 1}))
	require.Equal(t, "abc-3 beta/db;", ids(catalog.RunFilter{Since: base.Add(2 * time.Hour), Limit: -1}))

	_, err = s.Run(t.Context(), "abc")
	require.True(t, catalog.IsInvalid(err), "%v", err)
	for _, missing := range []string{"", "zzz", "a%", "abc_1"} {
		_, err = s.Run(t.Context(), missing)
		require.True(t, catalog.IsNotFound(err), "%q: %v", missing, err)
	}
}

func TestRunOutlivesAHostRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	_, err := s.RemoveHost(t.Context(), h.ID, "")
	require.NoError(t, err)
	require.NoError(t, s.FinishRun(t.Context(), start(h, runA), catalog.RunEnd{State: policy.StateFailed, Finished: base}))
	got, err := s.Run(t.Context(), runA)
	require.NoError(t, err)
	require.Equal(t, "acme/web1", got.Host)
}
