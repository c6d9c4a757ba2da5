package notices_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/web/notices"
	"planb/web/server"
	"planb/web/webtest"
)

func TestNoticesAreOfTheGroupsThatOneSees(t *testing.T) {
	t.Parallel()
	store, ctx := catalogtest.Store(t), t.Context()
	for _, group := range []string{"acme", "umbrella"} {
		h := ident.Host{Group: group, Name: "web1"}
		_, err := store.AddHost(ctx, catalog.NewHost{Host: h, Address: "a.example", AddGroup: true})
		require.NoError(t, err)
		_, err = store.SetEnabled(ctx, h, false, "<b>moved</b>")
		require.NoError(t, err)
	}
	_, err := store.SettleFleet(ctx, []catalog.FleetFinding{{
		About: catalog.AboutWorker, Subject: "backup1",
		Finding: catalog.Finding{Kind: catalog.NoticeSilent, Severity: catalog.SeverityCritical, Title: "backup1 is silent", Remedy: "start it"},
	}}, func(string, string) bool { return true }, 0, webtest.Start)
	require.NoError(t, err)
	first, err := store.Notices(ctx, catalog.NoticeQuery{Visible: catalog.Everything(), Kind: catalog.NoticeSilent})
	require.NoError(t, err)
	id := first.Notices[0].ID
	_, err = store.PlanDeliveries(ctx, id, []catalog.Delivery{{NoticeID: id, Channel: "ops", Recipient: "a@a.example"}}, webtest.Start)
	require.NoError(t, err)
	require.NoError(t, store.RecordDelivery(ctx, catalog.Delivery{
		NoticeID: id, Channel: "ops", Recipient: "a@a.example", State: catalog.DeliveryGaveUp, LastError: "<i>refused</i>",
	}, webtest.Start.Add(time.Minute)))
	s := webtest.Only(t, store, func(func() time.Time) []server.Route { return notices.Pages{Catalog: store}.Routes() })

	all := s.As("alice", "viewer")
	page := all.Get("/notices").Body
	for _, want := range []string{"backup1 is silent", "start it", "ops a@a.example", "&lt;i&gt;refused&lt;/i&gt;", "still lasts", "acme/web1", "umbrella/web1"} {
		require.Contains(t, page, want)
	}
	require.NotContains(t, all.Get("/notices?kind=silent").Body, "acme/web1")
	require.NotContains(t, all.Get("/notices?host=acme/web1").Body, "backup1 is silent")
	require.NotContains(t, all.Get("/notices?open=yes").Body, "acme/web1")
	require.Contains(t, all.Get("/notices?kind=good").Body, "No such notice")
	require.NotContains(t, all.Get("/notices?before=1").Body, "backup1 is silent")

	page = s.As("vera", "viewer:acme").Get("/notices").Body
	require.Contains(t, page, "acme/web1")
	require.NotContains(t, page, "umbrella")
	require.NotContains(t, page, "backup1")
}
