package groups_test

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
	"planb/web/groups"
	"planb/web/server"
	"planb/web/webtest"
	"planb/worker/operate"
)

// operator notes which schedules are to follow.
type operator struct {
	hosts []string
	err   error
}

func (o *operator) Reschedule(_ context.Context, _ string, hosts ...ident.Host) error {
	for _, h := range hosts {
		o.hosts = append(o.hosts, h.String())
	}
	return o.err
}

func newSite(t *testing.T) (*webtest.Site, *operator) {
	o := &operator{}
	store := catalogtest.Store(t)
	for _, h := range []ident.Host{{Group: "acme", Name: "web1"}, {Group: "umbrella", Name: "db1"}} {
		_, err := store.AddHost(t.Context(), catalog.NewHost{Host: h, Address: "a.example", AddGroup: true})
		require.NoError(t, err)
	}
	return webtest.Only(t, store, func(now func() time.Time) []server.Route {
		return groups.Pages{Catalog: store, Operator: o, Now: now}.Routes()
	}), o
}

func has(t *testing.T, page, text string) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "not there: %s", text)
}

func TestListShowsEachReaderTheirGroups(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t)
	a := s.As("vera", "viewer:acme").Get("/groups")
	has(t, a.Body, `href="/groups/acme"`)
	has(t, a.Body, `href="/hosts?group=acme&amp;health=never"`)
	require.NotContains(t, a.Body, "umbrella")
	require.NotContains(t, a.Body, "/new-group", "who may not add one is not asked to")
	require.Equal(t, http.StatusNotFound, s.SignIn("vera").Get("/groups/umbrella").Status)
}

func TestAddGroupKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t)
	admin := s.As("alice", "admin")
	form := url.Values{"name": {"Big Corp"}, "emails": {"ops@big.example nobody"}, "notes": {"since 2019"}, "p-every": {"3 parsecs"}}
	a := admin.Post("/new-group", form)
	require.Equal(t, http.StatusUnprocessableEntity, a.Status)
	for _, text := range []string{`value="Big Corp"`, "nobody", "since 2019", `value="3 parsecs"`, "is not a group name", "is not a mail address", `id="p-every-error"`} {
		has(t, a.Body, text)
	}
	form = url.Values{"name": {"big"}, "emails": {"ops@big.example\r\nit@big.example"}, "notes": {"since 2019"}, "p-every": {"12h"}}
	a = admin.Post("/new-group", form)
	require.Equal(t, http.StatusSeeOther, a.Status, a.Body)
	require.Equal(t, "/groups/big", a.Location)
	g, err := s.Store.Group(t.Context(), "big")
	require.NoError(t, err)
	require.Equal(t, []string{"ops@big.example", "it@big.example"}, g.Emails)
	page := admin.Get("/groups/big")
	has(t, page.Body, "The group sets 1 setting itself")
	has(t, page.Body, "12h")
	entries, err := s.Store.Audit(t.Context(), "big", 10)
	require.NoError(t, err)
	require.Equal(t, "alice (web)", entries[0].Actor)

	again := admin.Post("/new-group", form)
	require.Equal(t, http.StatusUnprocessableEntity, again.Status)
	has(t, again.Body, "already a group big")
}

func TestEditChangesSettingsAndSchedules(t *testing.T) {
	t.Parallel()
	s, o := newSite(t)
	require.NoError(t, s.Store.EditSettings(t.Context(), catalog.OfGroup("acme"), func(set *policy.Settings) error { return set.Set("keep", "7d") }))
	manager := s.As("mona", "admin:acme")
	page := manager.Get("/groups/acme/edit")
	has(t, page.Body, `value="7d"`)
	has(t, page.Body, `placeholder="1d"`)
	o.err = &operate.UnavailableError{Err: context.DeadlineExceeded}
	a := manager.Post("/groups/acme/edit", url.Values{"p-every": {"6h"}, "p-keep": {"7d"}, "p-keep-was": {"own:7d"}, "p-sudo": {"false"}})
	require.Equal(t, http.StatusSeeOther, a.Status, a.Body)
	require.Equal(t, []string{"acme/web1"}, o.hosts)
	set, err := s.Store.Settings(t.Context(), catalog.OfGroup("acme"))
	require.NoError(t, err)
	require.Equal(t, "6h", set.Every.String())
	require.Equal(t, "7d", set.Keep.String())
	require.False(t, *set.Sudo, "no is a value of its own")
	has(t, manager.Get("/groups/acme").Body, "Temporal did not take the schedules over yet")
}

func TestRenameAndRemove(t *testing.T) {
	t.Parallel()
	s, o := newSite(t)
	admin := s.As("alice", "admin")
	a := admin.Post("/groups/acme/rename", url.Values{"to": {"umbrella"}})
	require.Equal(t, http.StatusUnprocessableEntity, a.Status)
	has(t, a.Body, `value="umbrella"`)
	a = admin.Post("/groups/acme/rename", url.Values{"to": {"acme-inc"}})
	require.Equal(t, "/groups/acme-inc", a.Location)
	require.Equal(t, []string{"acme/web1", "acme-inc/web1"}, o.hosts)

	has(t, admin.Get("/groups/acme-inc/remove").Body, "still has 1 host")
	a = admin.Post("/groups/acme-inc/remove", url.Values{})
	require.Equal(t, http.StatusConflict, a.Status)
	_, err := s.Store.AddGroup(t.Context(), "empty", catalog.GroupEdit{})
	require.NoError(t, err)
	has(t, admin.Get("/groups/empty/remove").Body, "Remove group empty?")
	require.Equal(t, "/groups", admin.Post("/groups/empty/remove", url.Values{}).Location)
	_, err = s.Store.Group(t.Context(), "empty")
	require.True(t, catalog.IsNotFound(err))
}

func TestOperatorsDoNotChangeGroups(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t)
	r := s.As("olga", "operator:acme")
	for _, path := range []string{"/groups/acme/edit", "/groups/acme/rename", "/groups/acme/remove", "/new-group"} {
		require.Equal(t, http.StatusForbidden, r.Post(path, url.Values{}).Status, path)
	}
	require.Equal(t, http.StatusForbidden, s.As("mona", "admin:acme").Post("/new-group", url.Values{"name": {"x"}}).Status, "a new group concerns all")
}
