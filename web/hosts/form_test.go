package hosts_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

func TestAHostIsAdded(t *testing.T) {
	t.Parallel()
	s, f, _ := openPage(t)
	require.NoError(t, s.Store.EditSettings(t.Context(), catalog.OfGroup("acme"), func(set *policy.Settings) error { return set.Set("keep", "7d") }))
	r := s.As("ada", "admin:acme")
	body := r.Get("/hosts/new").Body
	require.Contains(t, body, `value="acme"`, "the only group that she manages")
	require.Contains(t, body, "Empty: 7d")
	require.Equal(t, http.StatusForbidden, s.As("vera", "viewer:acme").Get("/hosts/new").Status)

	form := url.Values{"group": {"acme"}, "name": {"db1"}, "address": {"no address"}, "tags": {"prod db"}, "notes": {"Ask Dana."}, "p-every": {"often"}, "p-flags": {"--rsh=sh"}}
	a := r.Post("/hosts/new", form)
	require.Equal(t, http.StatusUnprocessableEntity, a.Status)
	for _, want := range []string{`value="no address"`, `value="often"`, `id="p-every-error"`, `id="p-flags-error"`, "Ask Dana.", "There is a preview once"} {
		require.Contains(t, a.Body, want)
	}
	form.Set("address", "db1.example")
	form.Set("p-every", "12h")
	form.Set("p-flags", "")
	form.Set("p-exclude-none", "1")
	form.Set("do", "check")
	a = r.Post("/hosts/new", form)
	require.Equal(t, http.StatusOK, a.Status)
	preview, _, _ := strings.Cut(a.Body[strings.Index(a.Body, `id="preview"`):], "</section>")
	require.Equal(t, 10, strings.Count(preview, "<li>"), preview)
	form.Set("do", "probe")
	a = r.Post("/hosts/new", form)
	require.Contains(t, a.Body, "It can be backed up.")
	require.Equal(t, "db1.example", f.probes[0].Draft.Address)
	require.Equal(t, 12*policy.Hour, *f.probes[0].Draft.Settings.Every)
	_, err := s.Store.Host(t.Context(), ident.Host{Group: "acme", Name: "db1"})
	require.True(t, catalog.IsNotFound(err), "looking saves nothing")

	form.Set("do", "save")
	a = r.Post("/hosts/new", form)
	require.Equal(t, "/hosts/acme/db1", a.Location, a.Body)
	db1 := ident.Host{Group: "acme", Name: "db1"}
	h, err := s.Store.Host(t.Context(), db1)
	require.NoError(t, err)
	require.Equal(t, []string{"db", "prod"}, h.Tags)
	own, err := s.Store.Settings(t.Context(), catalog.OfHost(db1))
	require.NoError(t, err)
	require.Equal(t, "12h", own.Every.String())
	require.Equal(t, []string{}, *own.Exclude, "none at all is not inherited")
	require.Nil(t, own.Keep)
	require.Equal(t, http.StatusConflict, r.Post("/hosts/new", form).Status, "it is there now")

	form.Set("group", "beta")
	a = r.Post("/hosts/new", form)
	require.Equal(t, http.StatusUnprocessableEntity, a.Status)
	require.Contains(t, a.Body, "You may not add hosts to this group")
	for _, do := range []string{"check", "probe"} {
		form.Set("do", do)
		require.Contains(t, r.Post("/hosts/new", form).Body, "You may not add hosts to this group")
	}
	require.Len(t, f.probes, 1, "nor have one looked at there")
}

func TestAHostIsChangedAndCloned(t *testing.T) {
	t.Parallel()
	s, f, _ := openPage(t)
	r := s.As("ada", "admin:acme")
	require.Contains(t, r.Get("/hosts/acme/web1/edit").Body, `value="web1.example"`)
	form := url.Values{"address": {"web1.example"}, "tags": {"prod"}, "notes": {"Ask Dana."}, "p-keep": {"1d"}, "p-floor_count": {"1"}, "p-floor_age": {"0"}, "p-sudo": {"false"}, "do": {"check"}}
	// Suspect snapshots stop all pruning: accepted, the retention has its say.
	snaps, err := s.Store.Snapshots(t.Context(), web1)
	require.NoError(t, err)
	snaps[4].State = policy.StateOK
	h, err := s.Store.Host(t.Context(), web1)
	require.NoError(t, err)
	require.NoError(t, s.Store.ReplaceSnapshots(t.Context(), h.ID, snaps, s.Clock.Now()))
	a := r.Post("/hosts/acme/web1/edit", form)
	require.Equal(t, http.StatusOK, a.Status)
	require.Contains(t, a.Body, "4 more go")
	require.Contains(t, a.Body, "<li>daily-202611221200</li>")
	require.NotContains(t, a.Body, "<li>daily-202611231200</li>", "the newest stays")
	a = r.Post("/hosts/acme/web1/edit", url.Values{"address": {"web1.example"}, "do": {"check"}})
	require.Contains(t, a.Body, "The same of its 5 snapshots stay as now.")

	form.Set("do", "save")
	form.Set("address", "10.0.0.7")
	require.Equal(t, "/hosts/acme/web1", r.Post("/hosts/acme/web1/edit", form).Location)
	h, err = s.Store.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, "10.0.0.7", h.Address)
	require.Equal(t, "Ask Dana.", h.Notes)
	own, err := s.Store.Settings(t.Context(), catalog.OfHost(web1))
	require.NoError(t, err)
	require.False(t, *own.Sudo, "no is not inherited")
	require.Empty(t, f.probes)

	body := r.Get("/hosts/new?like=acme/web1").Body
	require.Contains(t, body, `value="1d"`)
	require.Contains(t, body, `name="p-keep-was" value=""`, "it is a value of the new host, too")
	require.NotContains(t, body, "10.0.0.7")
	require.Equal(t, http.StatusNotFound, s.As("otto", "admin:beta").Get("/hosts/new?like=acme/web1").Status)
}
