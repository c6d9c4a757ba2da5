package catalog_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

var renamer = catalog.Claimer{Run: "rename-1", WorkflowID: "rename/acme/web1", For: catalog.ForRename}

func TestClaimWaitsForRunsAndKeepsThemOut(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	run := start(h, runA)
	require.NoError(t, s.BeginRun(t.Context(), run))
	_, err := s.ClaimHost(t.Context(), web1, renamer)
	require.True(t, catalog.IsBusy(err), "%v", err)
	require.ErrorContains(t, err, "planb run cancel "+runA)
	require.NoError(t, s.FinishRun(t.Context(), run, catalog.RunEnd{State: policy.StateOK, Finished: base}))

	for range 2 {
		claimed, err := s.ClaimHost(t.Context(), web1, renamer)
		require.NoError(t, err)
		require.Equal(t, h.ID, claimed.ID)
	}
	_, err = s.ClaimHost(t.Context(), web1, catalog.Claimer{Run: "remove-1", WorkflowID: "delete/acme/web1/1", For: catalog.ForRemove})
	require.True(t, catalog.IsBusy(err))
	require.ErrorContains(t, err, "acme/web1 is being renamed by rename/acme/web1")
	next := start(h, "22222222-aaaa-4000-8000-000000000002")
	err = s.BeginRun(t.Context(), next)
	require.True(t, catalog.IsRefused(err))
	require.ErrorContains(t, err, "acme/web1 is being renamed now: try again when that is done")
	require.NoError(t, s.BeginRun(t.Context(), run), "a late message of a run that was there before")
	_, err = s.RemoveHost(t.Context(), h.ID, "")
	require.True(t, catalog.IsRefused(err))
	require.ErrorContains(t, s.RefuseClaimed(t.Context(), h), "acme/web1 is being renamed now")
	require.True(t, catalog.IsRefused(s.RenameGroup(t.Context(), "acme", "emca")))

	require.NoError(t, s.ReleaseHost(t.Context(), h.ID, "another run"))
	claims, err := s.HostClaims(t.Context())
	require.NoError(t, err)
	require.Equal(t, []catalog.HostClaim{{HostID: h.ID, Claimer: renamer}}, claims)
	require.NoError(t, s.ReleaseHost(t.Context(), h.ID, renamer.Run))
	require.NoError(t, s.BeginRun(t.Context(), next))
}

// Two changes of a host wait for each other by their claims, not by their runs:
// else each would wait for the other to end.
func TestRunsOfChangesDoNotHoldTheHost(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	for id, kind := range map[string]string{runA: catalog.KindRename, "22222222-aaaa-4000-8000-000000000002": catalog.KindDelete} {
		r := start(h, id)
		r.Kind = kind
		require.NoError(t, s.SetWaiting(t.Context(), r, "a backup is under way", base))
	}
	_, err := s.ClaimHost(t.Context(), web1, renamer)
	require.NoError(t, err)
	_, err = s.RemoveHost(t.Context(), h.ID, renamer.Run)
	require.NoError(t, err)
}

// Of a claim and runs that begin at the same moment, one side wins.
func TestClaimAndRunsAtOnce(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	for range 20 {
		run, by := start(h, uuid.NewString()), renamer
		var began, claimed error
		var wg sync.WaitGroup
		ctx := context.WithoutCancel(t.Context())
		wg.Go(func() { began = s.BeginRun(ctx, run) })
		wg.Go(func() { _, claimed = s.ClaimHost(ctx, web1, by) })
		wg.Wait()
		require.True(t, (began == nil) != (claimed == nil), "run: %v, claim: %v", began, claimed)
		require.NoError(t, s.ReleaseHost(ctx, h.ID, by.Run))
		require.NoError(t, s.FinishRun(ctx, run, catalog.RunEnd{State: policy.StateFailed, Finished: run.Started}))
	}
}

func TestRenameMovesTheDatasetInOneStep(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addStorage(t, s, "store1", "tank/BACKUP")
	h := addHost(t, s, web1)
	_, err := s.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)
	require.NoError(t, s.MarkDatasetMade(t.Context(), h.ID))
	to := ident.Host{Group: "acme", Name: "www"}
	h, err = s.ClaimHost(t.Context(), web1, renamer)
	require.NoError(t, err)
	require.NoError(t, s.CheckRename(t.Context(), h, to))
	require.True(t, catalog.IsRefused(s.CheckRename(t.Context(), h, web1)), "its own name")
	free, err := s.DatasetIsFree(t.Context(), h, "tank/BACKUP/acme/www")
	require.NoError(t, err)
	require.True(t, free)
	_, err = s.RenameHost(t.Context(), h.ID, to, "tank/BACKUP/acme/www", "")
	require.True(t, catalog.IsRefused(err), "it is claimed")
	for range 2 {
		moved, err := s.RenameHost(t.Context(), h.ID, to, "tank/BACKUP/acme/www", renamer.Run)
		require.NoError(t, err)
		require.Equal(t, "tank/BACKUP/acme/www", moved.Dataset)
		require.True(t, moved.DatasetMade)
	}

	other := addHost(t, s, web1)
	require.ErrorContains(t, s.CheckRename(t.Context(), other, to), "there is already a host acme/www")
	require.True(t, catalog.IsNotFound(s.CheckRename(t.Context(), other, ident.Host{Group: "gone", Name: "x"})))
	other, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Dataset: new("tank/BACKUP/acme/web1")})
	require.NoError(t, err)
	free, err = s.DatasetIsFree(t.Context(), other, "tank/BACKUP/acme/www")
	require.NoError(t, err)
	require.False(t, free)
}
