package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/web/api/client"
	"planb/web/webtest"
)

func TestNoticesOfTheGroupsThatATokenSees(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	_, err := s.Store.SettleFleet(t.Context(), []catalog.FleetFinding{{
		About: catalog.AboutWorker, Subject: "backup1", Finding: catalog.Finding{Kind: catalog.NoticeSilent, Severity: catalog.SeverityCritical, Title: "silent"},
	}}, func(string, string) bool { return true }, 0, webtest.Start)
	require.NoError(t, err)
	tokens := 0
	list := func(grant string, q catalog.NoticeQuery) catalog.NoticeList {
		tokens++
		c, err := client.New(client.Options{URL: s.Server.URL, Token: token(t, s, fmt.Sprintf("t%d", tokens), grant)})
		require.NoError(t, err)
		found, err := c.Notices(t.Context(), q)
		require.NoError(t, err)
		return found
	}
	want, err := s.Store.Notices(t.Context(), catalog.NoticeQuery{Visible: catalog.Everything()})
	require.NoError(t, err)
	require.Len(t, want.Notices, 3)
	got, err := json.Marshal(list("viewer", catalog.NoticeQuery{}).Notices)
	require.NoError(t, err)
	local, err := json.Marshal(want.Notices)
	require.NoError(t, err)
	require.JSONEq(t, string(local), string(got))
	require.Len(t, list("viewer", catalog.NoticeQuery{Limit: 2}).Notices, 2)
	require.Len(t, list("viewer", catalog.NoticeQuery{Kind: catalog.NoticeSilent, Open: true, Undelivered: true}).Notices, 1)
	some := list("viewer:acme", catalog.NoticeQuery{}).Notices
	require.Len(t, some, 1)
	require.EqualValues(t, "acme/web1", some[0].Host)

	v := as(t, s, "v", "viewer:acme")
	require.Equal(t, http.StatusNotFound, v.Get("/api/v1/notices?group=other").Status)
	require.Equal(t, http.StatusBadRequest, v.Get("/api/v1/notices?open=maybe").Status)
	first := as(t, s, "w", "viewer").Get("/api/v1/notices?limit=2").Body
	require.Contains(t, first, `"next":"`)
}
