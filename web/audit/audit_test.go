package audit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/webtest"
)

func TestWhoChangedWhat(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	ctx := catalog.WithActor(t.Context(), "<b>mallory</b>")
	for _, h := range []ident.Host{{Group: "acme", Name: "web1"}, {Group: "umbrella", Name: "db1"}} {
		_, err := s.Store.AddHost(ctx, catalog.NewHost{Host: h, Address: "a.example", Notes: "<script>alert(1)</script>", AddGroup: true})
		require.NoError(t, err)
	}
	admin := s.As("alice", "admin")
	body := admin.Get("/audit").Body
	for _, want := range []string{"acme/web1", "umbrella/db1", "host.add", "&lt;b&gt;mallory", "session.start", "&lt;script&gt;"} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "<b>mallory")
	require.NotContains(t, admin.Get("/audit?about=acme").Body, "umbrella/db1")
	require.Contains(t, admin.Get("/audit?about=umbrella/db1").Body, "umbrella/db1")
	require.Contains(t, admin.Get("/audit?about=umbrella/db1&kind=policy").Body, "policy.edit")
	require.NotContains(t, admin.Get("/audit?kind=session").Body, "host.add")
	require.Contains(t, admin.Get("/audit?actor=alice+%28web%29").Body, "session.start")
	require.Contains(t, admin.Get("/audit?until=2001-01-01").Body, "Nothing that fits")
	for _, wrong := range []string{"?since=soon", "?kind=king"} {
		require.Equal(t, http.StatusUnprocessableEntity, admin.Get("/audit"+wrong).Status, wrong)
	}
	for _, hostile := range []string{"?before=x", "?before=-1"} {
		require.Equal(t, http.StatusNotFound, admin.Get("/audit"+hostile).Status)
	}
	require.Equal(t, http.StatusUnprocessableEntity, admin.Get("/audit?actor=%00").Status)

	one := s.As("bob", "admin:acme").Get("/audit").Body
	require.Contains(t, one, "acme/web1")
	require.NotContains(t, one, "umbrella")
	require.NotContains(t, one, "session.start", "who signs in is not a matter of one group")
	require.Equal(t, http.StatusForbidden, s.As("carol", "operator").Get("/audit").Status)
}

func TestPagesOfChanges(t *testing.T) {
	t.Parallel()
	s := webtest.New(t)
	for i := range 60 {
		_, err := s.Store.EnsureGroup(t.Context(), fmt.Sprintf("group%02d", i))
		require.NoError(t, err)
	}
	admin := s.As("alice", "admin")
	first := admin.Get("/audit?kind=group").Body
	require.Contains(t, first, "group59")
	require.NotContains(t, first, "group09")
	_, rest, found := strings.Cut(first, `rel="next" href="`)
	require.True(t, found)
	next, _, _ := strings.Cut(rest, `"`)
	second := admin.Get(strings.ReplaceAll(next, "&amp;", "&")).Body
	require.Contains(t, second, "group09")
	require.NotContains(t, second, "group10")
	require.NotContains(t, second, `rel="next"`)
}
