package billing_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/billing"
	"planb/web/server"
	"planb/web/webtest"
)

// newSite has a host in each of two groups, with two samples.
func newSite(t *testing.T) *webtest.Site {
	store, ctx := catalogtest.Store(t), t.Context()
	require.NoError(t, store.UpsertStorage(ctx, catalog.Storage{Server: "s1", Dataset: "tank/BACKUP", SeenAt: webtest.Start}))
	for i, group := range []string{"acme", "umbrella"} {
		h, err := store.AddHost(ctx, catalog.NewHost{Host: ident.Host{Group: group, Name: "web1"}, Address: "a.example", AddGroup: true, Storage: "s1:tank/BACKUP"})
		require.NoError(t, err)
		_, err = store.ClaimDataset(ctx, h.ID)
		require.NoError(t, err)
		for day, used := range []int64{2 << 30, 4 << 30} {
			at := webtest.Start.AddDate(0, 0, day-1)
			_, err = store.RecordUsage(ctx, catalog.UsageDay{
				Day: at.Format(time.DateOnly), End: at.Add(12 * time.Hour), Now: at, Posters: []string{"office"}[:1-i],
			}, []catalog.Usage{{HostID: h.ID, UsedBytes: used, ReferencedBytes: 1 << 30, Snapshots: 3, At: at}})
			require.NoError(t, err)
		}
		require.NoError(t, store.FinishRun(ctx, catalog.RunStart{
			ID: "run-" + group, HostID: h.ID, Host: h.Ident(), Kind: catalog.KindBackup, Trigger: "manual", Started: webtest.Start,
		}, catalog.RunEnd{State: policy.StateOK, Finished: webtest.Start}))
	}
	return webtest.Only(t, store, func(now func() time.Time) []server.Route {
		return billing.Pages{Catalog: store, Zone: time.UTC, Now: now}.Routes()
	})
}

func TestBillingTotalsAreOfTheGroupsThatOneSees(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	all := s.As("alice", "viewer").Get("/billing").Body
	for _, text := range []string{"Billing 2026-11", "acme", "umbrella", "3.0 GiB", "4.0 GiB", "6.00", "2 not posted", "none left", "2026-11-24: 8.0 GiB, 2 hosts", "month=2026-10"} {
		require.Contains(t, all, text)
	}
	some := s.As("vera", "viewer:acme")
	page := some.Get("/billing?month=2026-11").Body
	require.Contains(t, page, "acme")
	require.NotContains(t, page, "umbrella")
	require.Contains(t, page, "2026-11-24: 4.0 GiB, 1 host")
	one := some.Get("/billing/acme?month=2026-11").Body
	require.Contains(t, one, "acme/web1")
	require.Equal(t, http.StatusNotFound, some.Get("/billing/umbrella").Status)
	require.Contains(t, some.Get("/billing?month=2026-12").Body, "Nothing was billed")
	require.Equal(t, http.StatusNotFound, some.Get("/billing?month=soon").Status)
}

func TestBillingAsCSV(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	read := func(r *webtest.Reader, path string) [][]string {
		a := r.Get(path)
		require.Equal(t, http.StatusOK, a.Status)
		rows, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
		require.NoError(t, err)
		return rows
	}
	alice, vera := s.As("alice", "viewer"), s.As("vera", "viewer:acme")
	rows := read(alice, "/billing.csv?month=2026-11")
	require.Len(t, rows, 5)
	require.Equal(t, []string{"day", "group", "host"}, rows[0][:3])
	require.Equal(t, []string{"2026-11-23", "acme", "web1"}, rows[1][:3])
	require.Len(t, read(alice, "/billing.csv?month=2026-11&group=umbrella"), 3)
	require.Len(t, read(vera, "/billing.csv?month=2026-11"), 3)
	require.Len(t, read(vera, "/billing.csv?month=2026-11&group=umbrella"), 1, "the head alone")
}
