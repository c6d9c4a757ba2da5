package schedule_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/schedule"
	"planb/web/server"
	"planb/web/webtest"
	"planb/worker/schedules"
)

type operator struct {
	changes []schedules.Change
	synced  bool
}

func (o *operator) Differences(context.Context) ([]schedules.Change, error) { return o.changes, nil }

func (o *operator) Sync(context.Context) ([]schedules.Change, error) {
	o.synced = true
	return o.changes, nil
}

func newSite(t *testing.T) (*webtest.Site, *operator) {
	o, store, ctx := &operator{}, catalogtest.Store(t), t.Context()
	require.NoError(t, store.UpsertStorage(ctx, catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", SeenAt: webtest.Start, PullSlots: new(2)}))
	for i := range 8 {
		h, err := store.AddHost(ctx, catalog.NewHost{
			Host: ident.Host{Group: []string{"acme", "umbrella"}[i%2], Name: fmt.Sprintf("web%d", i)}, Address: "a.example", AddGroup: true,
			Settings: policy.Settings{},
		})
		require.NoError(t, err)
		require.NoError(t, store.EditSettings(ctx, catalog.OfHost(h.Ident()), func(set *policy.Settings) error { return set.Set("window", "20:00-20:30") }))
		_, err = store.ClaimDataset(ctx, h.ID)
		require.NoError(t, err)
		for d := range 5 { // each takes two hours
			began := webtest.Start.AddDate(0, 0, -d-1)
			require.NoError(t, store.FinishRun(ctx, catalog.RunStart{
				ID: fmt.Sprintf("run-%d-%d", i, d), WorkflowID: "backup/" + h.Ident().String(), HostID: h.ID, Host: h.Ident(),
				Kind: catalog.KindBackup, Trigger: "schedule", Started: began,
			}, catalog.RunEnd{State: policy.StateOK, Finished: began.Add(2 * time.Hour), Snapshot: fmt.Sprintf("daily-2026112%d0130", d)}))
		}
	}
	_, err := store.SetEnabled(ctx, ident.Host{Group: "umbrella", Name: "web7"}, false, "moves to another rack")
	require.NoError(t, err)
	return webtest.Only(t, store, func(now func() time.Time) []server.Route {
		return schedule.Pages{Catalog: store, Operator: o, Now: now}.Routes()
	}), o
}

func has(t *testing.T, page, text string) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "not there: %s", text)
}

func TestScheduleTellsWhenTheSlotsAreTooFew(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t)
	page := s.As("alice", "viewer").Get("/schedule").Body
	for _, text := range []string{
		"Times are UTC", "7 starts, at most 7.0 transfers at once", "it does 2 at once, so that some wait",
		"bar-danger", "more than it does at once", `href="/hosts/acme/web0"`, "2h 0m", "moves to another rack",
	} {
		has(t, page, text)
	}
	tomorrow := s.SignIn("alice").Get("/schedule?day=2026-11-25").Body
	has(t, tomorrow, "7 starts")
	require.NotContains(t, tomorrow, "day-now")

	some := s.As("vera", "viewer:acme").Get("/schedule").Body
	has(t, some, "4 starts")
	require.NotContains(t, some, "umbrella")
}

func TestCompareAndSync(t *testing.T) {
	t.Parallel()
	s, o := newSite(t)
	operatorOfAll := s.As("olga", "operator")
	has(t, operatorOfAll.Get("/schedule/check").Body, "They agree")
	o.changes = []schedules.Change{{Host: "acme/web1", Action: "update"}, {Host: "acme/gone", Action: "delete"}}
	page := operatorOfAll.Get("/schedule/check").Body
	has(t, page, "another schedule than its policy says")
	has(t, page, "Make them agree")
	viewer := s.As("vera", "viewer")
	require.NotContains(t, viewer.Get("/schedule/check").Body, "Make them agree")
	require.Equal(t, http.StatusForbidden, viewer.Post("/schedule/sync", url.Values{}).Status)
	require.Equal(t, http.StatusForbidden, s.As("otto", "operator:acme").Post("/schedule/sync", url.Values{}).Status)
	require.False(t, o.synced)
	require.Equal(t, "/schedule", operatorOfAll.Post("/schedule/sync", url.Values{}).Location)
	require.True(t, o.synced)
	has(t, operatorOfAll.Get("/schedule").Body, "Changed 2 schedules")
}
