package policies_test

import (
	"context"
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
	"planb/web/policies"
	"planb/web/server"
	"planb/web/webtest"
)

type operator struct{ n int }

func (o *operator) Reschedule(_ context.Context, _ string, hosts ...ident.Host) error {
	o.n += len(hosts)
	return nil
}

func newSite(t *testing.T) (*webtest.Site, *operator) {
	o := &operator{}
	store := catalogtest.Store(t)
	for _, h := range []ident.Host{{Group: "acme", Name: "web1"}, {Group: "umbrella", Name: "db1"}} {
		_, err := store.AddHost(t.Context(), catalog.NewHost{Host: h, Address: "a.example", AddGroup: true})
		require.NoError(t, err)
	}
	set := func(sc catalog.Scope, name, value string) {
		require.NoError(t, store.EditSettings(t.Context(), sc, func(s *policy.Settings) error { return s.Set(name, value) }))
	}
	set(catalog.OfGroup("acme"), "every", "12h")
	set(catalog.OfHost(ident.Host{Group: "acme", Name: "web1"}), "every", "6h")
	set(catalog.OfGroup("umbrella"), "every", "3h")
	return webtest.Only(t, store, func(func() time.Time) []server.Route {
		return policies.Pages{Catalog: store, Operator: o}.Routes()
	}), o
}

func has(t *testing.T, page, text string) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "not there: %s", text)
}

func TestPoliciesTellWhoSetsWhat(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t)
	r := s.As("vera", "viewer:acme")
	page := r.Get("/policies").Body
	has(t, page, `href="/groups/acme"`)
	require.NotContains(t, page, "umbrella")
	require.NotContains(t, page, "/policies/edit")
	every := r.Get("/policies/every").Body
	has(t, every, `href="/hosts/acme/web1"`)
	for _, value := range []string{"1d", "12h", "6h"} {
		has(t, every, value)
	}
	require.NotContains(t, every, "3h")
	require.Equal(t, http.StatusNotFound, r.Get("/policies/rsh").Status)
}

func TestOnlyAdminsOfAllChangeTheSystem(t *testing.T) {
	t.Parallel()
	s, o := newSite(t)
	require.Equal(t, http.StatusForbidden, s.As("mona", "admin:acme").Post("/policies/edit", url.Values{}).Status)
	admin := s.As("alice", "admin")
	a := admin.Post("/policies/edit", url.Values{"p-keep": {"nothing"}})
	require.Equal(t, http.StatusUnprocessableEntity, a.Status)
	has(t, a.Body, `id="p-keep-error"`)
	a = admin.Post("/policies/edit", url.Values{"p-keep": {"30d"}, "p-flags": {"--rsh=sh"}})
	require.Equal(t, http.StatusUnprocessableEntity, a.Status, "no option that runs a command")
	a = admin.Post("/policies/edit", url.Values{"p-keep": {"30d"}})
	require.Equal(t, http.StatusSeeOther, a.Status)
	require.Equal(t, 2, o.n)
	e, err := s.Store.SystemEffective(t.Context())
	require.NoError(t, err)
	require.Equal(t, "30d", e.Keep.Value.String())
	require.Equal(t, policy.LevelSystem, e.Keep.From)
}
