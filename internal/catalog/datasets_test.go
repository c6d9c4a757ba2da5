package catalog_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
)

func addStorage(t *testing.T, s *catalog.Store, server, dataset string) {
	t.Helper()
	require.NoError(t, s.UpsertStorage(t.Context(), catalog.Storage{
		Server: server, Dataset: dataset, SizeBytes: new(int64(1000)), Health: "ONLINE", SeenAt: time.Now(),
	}))
}

func TestClaimTakesTheOnlyStorage(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	_, err := s.ClaimDataset(t.Context(), h.ID)
	require.True(t, catalog.IsRefused(err))
	require.ErrorContains(t, err, "start `planb worker`")

	addStorage(t, s, "store1", "tank/BACKUP")
	want := catalog.Claim{Server: "store1", Storage: "tank/BACKUP", Dataset: "tank/BACKUP/acme/web1"}
	for range 2 {
		c, err := s.ClaimDataset(t.Context(), h.ID)
		require.NoError(t, err)
		require.Equal(t, want, c)
	}
	require.NoError(t, s.MarkDatasetMade(t.Context(), h.ID))
	require.NoError(t, s.MarkDatasetMade(t.Context(), h.ID))
	addStorage(t, s, "store2", "tank/BACKUP")
	want.Made = true
	c, err := s.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)
	require.Equal(t, want, c)

	_, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Storage: new("store2:tank/BACKUP")})
	require.True(t, catalog.IsRefused(err), "%v", err)
	require.ErrorContains(t, err, "tank/BACKUP/acme/web1 on server store1 already")
	_, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Storage: new("store1:tank/BACKUP")})
	require.NoError(t, err)
}

func TestClaimAsksWhichOfSeveralStorages(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	addStorage(t, s, "store1", "tank/BACKUP")
	addStorage(t, s, "store2", "tank/BACKUP")
	_, err := s.ClaimDataset(t.Context(), h.ID)
	require.True(t, catalog.IsRefused(err))
	require.ErrorContains(t, err, "planb host edit acme/web1 --storage")
	_, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Storage: new("tank/BACKUP")})
	require.ErrorContains(t, err, "server:tank/BACKUP")
	_, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Storage: new("store2:tank/BACKUP")})
	require.NoError(t, err)
	c, err := s.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)
	require.Equal(t, "store2", c.Server)
}

func TestDatasetsOfTwoHostsNeverOverlap(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addStorage(t, s, "store1", "tank/BACKUP")
	h := addHost(t, s, web1)
	_, err := s.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)

	// A new host under the old name of a renamed one meets its dataset.
	_, err = s.RenameHost(t.Context(), h.ID, ident.Host{Group: "acme", Name: "www"}, "", "")
	require.NoError(t, err)
	again := addHost(t, s, web1)
	_, err = s.ClaimDataset(t.Context(), again.ID)
	require.True(t, catalog.IsRefused(err))
	require.ErrorContains(t, err, "tank/BACKUP/acme/web1 belongs to host acme/www")

	for _, dataset := range []string{"tank/BACKUP/acme", "tank/BACKUP/acme/web1/sub", "tank/BACKUP/acme/web1"} {
		_, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Dataset: new(dataset)})
		require.True(t, catalog.IsRefused(err), "%s: %v", dataset, err)
	}
	for _, dataset := range []string{"tank/BACKUP", "tank/other/web1", "tank/BACKUP_/x"} {
		_, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Storage: new("tank/BACKUP"), Dataset: new(dataset)})
		require.True(t, catalog.IsInvalid(err), "%s: %v", dataset, err)
	}
	_, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Dataset: new("tank/BACKUP/legacy/acme-web1")})
	require.NoError(t, err)
	c, err := s.ClaimDataset(t.Context(), again.ID)
	require.NoError(t, err)
	require.Equal(t, "tank/BACKUP/legacy/acme-web1", c.Dataset)
}

func TestClaimsAtOnceGiveOneDatasetToOneHost(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addStorage(t, s, "store1", "tank/BACKUP")
	a := addHost(t, s, web1)
	other := ident.Host{Group: "acme", Name: "b"}
	b := addHost(t, s, other)
	edit := func() error {
		_, err := s.EditHost(t.Context(), other, catalog.HostEdit{Dataset: new("tank/BACKUP/acme/web1")})
		return err
	}
	claimA := func() error {
		_, err := s.ClaimDataset(t.Context(), a.ID)
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, f := range []func() error{edit, claimA} {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	require.NotEqual(t, errs[0] == nil, errs[1] == nil, "exactly one must win: %v", errs)
	_, err := s.ClaimDataset(t.Context(), b.ID)
	require.NoError(t, err)
}

func TestStorageIsUpdatedByTheNewestSight(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addStorage(t, s, "store1", "tank/BACKUP")
	now := time.Now().Add(time.Minute)
	require.NoError(t, s.UpsertStorage(t.Context(), catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", DataURL: "http://new", Health: "DEGRADED", SeenAt: now}))
	require.NoError(t, s.UpsertStorage(t.Context(), catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", DataURL: "http://old", SeenAt: now.Add(-time.Hour)}))
	require.NoError(t, s.UpsertStorage(t.Context(), catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", Health: "ONLINE", SeenAt: now.Add(time.Second)}))
	all, err := s.Storages(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "http://new", all[0].DataURL)
	require.Equal(t, "ONLINE", all[0].Health)
	require.Nil(t, all[0].SizeBytes)
	require.Error(t, s.UpsertStorage(t.Context(), catalog.Storage{Server: "a/b", Dataset: "tank"}))
	require.Error(t, s.UpsertStorage(t.Context(), catalog.Storage{Server: "a", Dataset: "-tank"}))
}

func TestOnlyAStorageWithoutHostsIsForgotten(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addStorage(t, s, "store1", "tank/BACKUP")
	addStorage(t, s, "store2", "tank/BACKUP")
	h := addHost(t, s, web1)
	_, err := s.EditHost(t.Context(), web1, catalog.HostEdit{Storage: new("store1:tank/BACKUP")})
	require.NoError(t, err)

	_, err = s.RemoveStorage(t.Context(), "store1:tank/BACKUP")
	require.True(t, catalog.IsRefused(err))
	require.ErrorContains(t, err, "is the storage of acme/web1: remove")
	_, err = s.RemoveStorage(t.Context(), "tank/BACKUP")
	require.True(t, catalog.IsRefused(err), "there are two")
	_, err = s.RemoveStorage(t.Context(), "store3:tank/BACKUP")
	require.True(t, catalog.IsNotFound(err))
	_, err = s.RemoveStorage(t.Context(), "store2:tank/BACKUP")
	require.NoError(t, err)
	_, err = s.RemoveHost(t.Context(), h.ID, "")
	require.NoError(t, err)
	_, err = s.RemoveStorage(t.Context(), "store1:tank/BACKUP")
	require.NoError(t, err)
	left, err := s.Storages(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)
}
