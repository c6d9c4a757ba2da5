package storages_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/web/server"
	"planb/web/storages"
	"planb/web/webtest"
	"planb/worker/operate"
)

type operator struct {
	stale []operate.StaleDataset
	err   error
	kept  string
}

func (o *operator) Stale(context.Context) ([]operate.StaleDataset, error) { return o.stale, o.err }

func (o *operator) Keep(_ context.Context, dataset string) error {
	o.kept = dataset
	return nil
}

func newSite(t *testing.T) (*webtest.Site, *operator) {
	o, store, ctx := &operator{}, catalogtest.Store(t), t.Context()
	for i, server := range []string{"store1", "store2"} {
		require.NoError(t, store.UpsertStorage(ctx, catalog.Storage{
			Server: server, Dataset: "tank/BACKUP", SizeBytes: new(int64(100 << 30)), UsedBytes: new(int64(25 << 30)), FreeBytes: new(int64(75 << 30)),
			Health: []string{"ONLINE", "DEGRADED"}[i], SeenAt: webtest.Start.Add(-time.Duration(i) * time.Hour), PullSlots: new(4),
		}))
		h, err := store.AddHost(ctx, catalog.NewHost{
			Host: ident.Host{Group: []string{"acme", "umbrella"}[i], Name: "web1"}, Address: "a.example", AddGroup: true, Storage: server + ":tank/BACKUP",
		})
		require.NoError(t, err)
		_, err = store.ClaimDataset(ctx, h.ID)
		require.NoError(t, err)
		require.NoError(t, store.SetSizes(ctx, h.ID, catalog.Sizes{UsedBytes: 7 << 30, ReferencedBytes: 5 << 30, At: webtest.Start}))
	}
	return webtest.Only(t, store, func(now func() time.Time) []server.Route {
		return storages.Pages{Catalog: store, Operator: o, Now: now}.Routes()
	}), o
}

func has(t *testing.T, page, text string) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "not there: %s", text)
}

func TestStoragesTellRoomPoolAndWorker(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t)
	all := s.As("alice", "viewer").Get("/storages").Body
	for _, text := range []string{"25 %", "75.0 GiB free", "4 pulls at once", "DEGRADED", "silent", "/storages/stale"} {
		has(t, all, text)
	}
	some := s.As("vera", "viewer:acme")
	page := some.Get("/storages").Body
	has(t, page, "store1")
	require.NotContains(t, page, "store2")
	require.NotContains(t, page, "/storages/stale")
	one := some.Get("/storages/store1/tank/BACKUP").Body
	has(t, one, "tank/BACKUP/acme/web1")
	has(t, one, "7.0 GiB")
	require.Equal(t, http.StatusNotFound, some.Get("/storages/store2/tank/BACKUP").Status)
	require.Equal(t, http.StatusForbidden, some.Get("/storages/stale").Status)
}

func TestStaleDatasetsAreShownThoughAServerIsSilent(t *testing.T) {
	t.Parallel()
	s, o := newSite(t)
	goes := webtest.Start.AddDate(0, 0, 20)
	o.stale = []operate.StaleDataset{
		{Server: "store1", Storage: "tank/BACKUP", Dataset: "tank/BACKUP/acme/old", Host: "acme/old", UsedBytes: 3 << 30, Expires: &goes, Why: operate.StaleRemoved},
		{Server: "store1", Storage: "tank/BACKUP", Dataset: "tank/BACKUP/foreign", Why: operate.StaleUnknown},
	}
	o.err = errors.Join(&operate.SilentServerError{Server: "store2", Why: "has no worker running: start `planb worker` there"})
	admin := s.As("alice", "admin")
	page := admin.Get("/storages/stale").Body
	for _, text := range []string{"tank/BACKUP/acme/old", "of acme/old", "its host was removed", "in 20 days", "PlanB does not know it", "server store2 has no worker running"} {
		has(t, page, text)
	}
	require.Equal(t, 1, strings.Count(page, "Keep it"), "only what would go can be kept")
	has(t, admin.Get("/storages/keep?dataset=tank/BACKUP/acme/old").Body, "Keep tank/BACKUP/acme/old for good?")
	form := url.Values{"dataset": {"tank/BACKUP/acme/old"}}
	require.Equal(t, http.StatusForbidden, s.As("vera", "operator").Post("/storages/keep", form).Status)
	require.Empty(t, o.kept)
	require.Equal(t, "/storages/stale", admin.Post("/storages/keep", form).Location)
	require.Equal(t, "tank/BACKUP/acme/old", o.kept)
}
