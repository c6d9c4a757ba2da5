package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/api"
	"planb/web/api/client"
	"planb/web/webtest"
)

// fleet is a site with one host in each of two groups.
func fleet(t *testing.T) *webtest.Site {
	t.Helper()
	s := webtest.New(t)
	for _, name := range []string{"acme/web1", "other/db1"} {
		host, err := ident.ParseHost(name)
		require.NoError(t, err)
		h, err := s.Store.AddHost(t.Context(), catalog.NewHost{Host: host, Address: "192.0.2.1", AddGroup: true})
		require.NoError(t, err)
		start := catalog.RunStart{ID: host.Name + "-run", WorkflowID: "backup/" + name, HostID: h.ID, Host: host, Kind: catalog.KindBackup, Trigger: "manual", Started: webtest.Start.Add(-time.Hour)}
		require.NoError(t, s.Store.BeginRun(t.Context(), start))
		require.NoError(t, s.Store.FinishRun(t.Context(), start, catalog.RunEnd{State: policy.StateFailed, Finished: webtest.Start, Message: "no route"}))
	}
	return s
}

func token(t *testing.T, s *webtest.Site, name, grant string) string {
	t.Helper()
	secret, err := s.Store.AddToken(t.Context(), catalog.NewToken{Name: name, Grants: s.Grants(grant), ExpiresAt: s.Clock.Now().Add(time.Hour)}, s.Clock.Now())
	require.NoError(t, err)
	return secret
}

// as gives whoever sends a token.
func as(t *testing.T, s *webtest.Site, name, grant string) *webtest.Reader {
	r := s.Reader()
	r.Header.Set("Authorization", "Bearer "+token(t, s, name, grant))
	return r
}

func TestRightsAreThoseOfTheTokenAndItsGroups(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	viewer := as(t, s, "v", "viewer:acme")
	operator, restorer, admin := as(t, s, "o", "operator:acme"), as(t, s, "r", "restorer:acme"), as(t, s, "a", "admin:acme")
	const host = "/api/v1/hosts/acme/web1"
	for _, c := range []struct {
		who          *webtest.Reader
		method, path string
		status       int
	}{
		{s.Reader(), "GET", "/api/v1/hosts", 401},
		{viewer, "GET", host, 200},
		{viewer, "GET", "/api/v1/runs/web1-run", 200},
		{viewer, "GET", "/api/v1/hosts/other/db1", 404},
		{viewer, "GET", "/api/v1/runs/db1-run", 404},
		{viewer, "GET", "/api/v1/groups/other", 404},
		{viewer, "GET", "/api/v1/hosts?group=other", 404},
		{viewer, "GET", "/api/v1/hosts?grup=acme", 400},
		{viewer, "POST", host + "/disable", 403},
		{viewer, "GET", host + "/snapshots/s/content?path=/etc/shadow", 403},
		{operator, "GET", host + "/snapshots/s/content?path=/etc/shadow", 403},
		{restorer, "GET", host + "/snapshots/s/content?path=/etc/shadow", 404},
		{restorer, "POST", host + "/backup", 403},
		{operator, "POST", "/api/v1/hosts/other/db1/backup", 404},
		{operator, "POST", host + "/backup", 503}, // allowed; there is no Temporal
		{operator, "DELETE", host + "/snapshots/s", 403},
		{admin, "DELETE", host + "/snapshots/s", 503},
		{admin, "POST", "/api/v1/hosts/other", 404},
	} {
		a := c.who.Do(c.method, c.path, nil)
		require.Equal(t, c.status, a.Status, "%s %s: %s", c.method, c.path, a.Body)
		if c.status >= 400 {
			var told struct {
				Error struct{ Code, Text string }
			}
			require.NoError(t, json.Unmarshal([]byte(a.Body), &told), a.Body)
			require.NotEmpty(t, told.Error.Code)
			require.NotEmpty(t, told.Error.Text)
		}
	}
	list := viewer.Get("/api/v1/hosts").Body + viewer.Get("/api/v1/runs").Body + viewer.Get("/api/v1/groups").Body
	require.Contains(t, list, "acme/web1")
	require.NotContains(t, list, "other")
}

func TestChangesAreCheckedAndAuditedByTheNameOfTheToken(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	c, err := client.New(client.Options{URL: s.Server.URL, Token: token(t, s, "ci", "admin:acme")})
	require.NoError(t, err)
	host := ident.Host{Group: "acme", Name: "web1"}

	err = c.EditHost(t.Context(), host, api.HostChange{SettingsChange: api.SettingsChange{Settings: map[string][]string{"flag": {"--rsh=sh -c id"}}}})
	var told *client.Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, http.StatusUnprocessableEntity, told.Status)
	err = c.AddHost(t.Context(), ident.Host{Group: "acme", Name: "new1"}, api.NewHost{HostChange: api.HostChange{
		Address: new("192.0.2.9"), SettingsChange: api.SettingsChange{Settings: map[string][]string{"flag": {"--rsync-path=/tmp/x"}}},
	}})
	require.ErrorAs(t, err, &told)
	require.Equal(t, http.StatusUnprocessableEntity, told.Status)

	// Temporal is away, and the catalog has it all the same.
	err = c.EditHost(t.Context(), host, api.HostChange{SettingsChange: api.SettingsChange{Settings: map[string][]string{"keep": {"3d"}}}, Notes: new("by ci")})
	require.ErrorContains(t, err, "Temporal does not answer")
	shown, err := c.HostShown(t.Context(), host, time.Time{})
	require.NoError(t, err)
	require.Equal(t, "3d", shown.Policy.Keep.Value.String())
	require.Equal(t, policy.LevelHost, shown.Policy.Keep.From)
	audit, err := s.Store.Audit(t.Context(), "acme/web1", 1)
	require.NoError(t, err)
	require.Equal(t, "token ci (api)", audit[0].Actor)
}

// What goes through the API comes back as the catalog gave it.
func TestAnswersAreThoseOfTheCatalog(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	c, err := client.New(client.Options{URL: s.Server.URL, Token: token(t, s, "all", "viewer")})
	require.NoError(t, err)
	ctx, now, host := t.Context(), s.Clock.Now(), ident.Host{Group: "acme", Name: "web1"}
	same := func(want, got any, errs ...error) {
		t.Helper()
		for _, err := range errs {
			require.NoError(t, err)
		}
		w, err := json.Marshal(want)
		require.NoError(t, err)
		g, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, string(w), string(g))
	}
	{
		want, err := s.Store.Overview(ctx, catalog.HostFilter{}, now)
		got, gotErr := c.Overview(ctx, catalog.HostFilter{}, now)
		require.Len(t, got, 2)
		same(want, got, err, gotErr)
	}
	{
		want, err := s.Store.HostShown(ctx, host, now)
		got, gotErr := c.HostShown(ctx, host, now)
		same(want, got, err, gotErr)
	}
	{
		want, err := s.Store.GroupShown(ctx, "acme")
		got, gotErr := c.GroupShown(ctx, "acme")
		same(want, got, err, gotErr)
	}
	{
		want, err := s.Store.Run(ctx, "web1-run")
		got, gotErr := c.Run(ctx, "web1-run")
		same(want, got, err, gotErr)
	}
}

func TestTokenStaysOnTheWayThatWasMeant(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost:1": true, "https://planb.example.com": true,
		"http://planb.example.com": false, "planb.example.com": false, "ftp://x": false,
	} {
		_, err := client.New(client.Options{URL: url, Token: "planb_x"})
		require.Equal(t, ok, err == nil, "%s: %v", url, err)
	}
	_, err := client.New(client.Options{URL: "http://planb.example.com", Token: "planb_x", Plain: true})
	require.NoError(t, err)
}
