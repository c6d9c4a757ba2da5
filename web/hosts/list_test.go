package hosts_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/web/hosts"
	"planb/web/server"
	"planb/web/webtest"
	"planb/worker"
	"planb/worker/operate"
)

// operator starts backups in a list instead of in Temporal; a host called busy
// has one under way.
type operator struct {
	operate.Operator
	mu      sync.Mutex
	started []string
}

func (o *operator) BackUp(ctx context.Context, h ident.Host, how operate.How) (string, error) {
	if _, err := o.Catalog.Host(ctx, h); err != nil {
		return "", err
	}
	if h.Name == "busy" {
		return "", &worker.AlreadyRunningError{What: "a backup of " + h.String(), Run: "run-9"}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started = append(o.started, fmt.Sprint(h, how.Now))
	return "run-1", nil
}

func (o *operator) SetEnabled(ctx context.Context, h ident.Host, enabled bool, reason string) error {
	_, err := o.Catalog.SetEnabled(ctx, h, enabled, reason)
	return err
}

func (o *operator) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.Sort(o.started)
	return o.started
}

func open(t *testing.T, names ...string) (*webtest.Site, *operator) {
	t.Helper()
	s := catalogtest.Store(t)
	o := &operator{Operator: operate.Operator{Catalog: s}}
	site := webtest.Only(t, s, func(now func() time.Time) []server.Route {
		return hosts.List{Catalog: s, Operator: o, Now: now, Log: slog.New(slog.DiscardHandler)}.Routes()
	})
	for _, name := range names {
		h, err := ident.ParseHost(name)
		require.NoError(t, err)
		_, err = s.AddHost(t.Context(), catalog.NewHost{Host: h, Address: "x.example", Tags: []string{"tag-" + h.Name}, AddGroup: true})
		require.NoError(t, err)
	}
	return site, o
}

// listed gives the hosts of the table in their order.
func listed(body string) (names []string) {
	for _, row := range strings.Split(body, `class="host-cell"><a href="/hosts/`)[1:] {
		name, _, _ := strings.Cut(row, `"`)
		names = append(names, name)
	}
	return names
}

func TestListFiltersSortsAndPages(t *testing.T) {
	t.Parallel()
	s, _ := open(t, "acme/db", "acme/web", "beta/db")
	r := s.As("alice", "admin")
	for path, want := range map[string]string{
		"/hosts":                            "acme/db acme/web beta/db",
		"/hosts?sort=-name":                 "beta/db acme/web acme/db",
		"/hosts?group=acme":                 "acme/db acme/web",
		"/hosts?q=WEB":                      "acme/web",
		"/hosts?tag=tag-db":                 "acme/db beta/db",
		"/hosts?health=never&health=late":   "acme/db acme/web beta/db",
		"/hosts?health=ok":                  "",
		"/hosts?state=failed":               "",
		"/hosts?page=x&per=7&sort=nonsense": "acme/db acme/web beta/db",
	} {
		a := r.Get(path)
		require.Equal(t, http.StatusOK, a.Status, path)
		require.Equal(t, want, strings.Join(listed(a.Body), " "), path)
	}
	require.Equal(t, "/hosts?page=1&q=db", r.Get("/hosts?q=db&page=7").Location)
	require.Contains(t, r.Get("/hosts?health=ok").Body, "No host is like that")
	body := r.Get("/hosts?checked=all&q=db").Body
	require.Equal(t, 2, strings.Count(body, " checked"))
	require.Contains(t, body, `name="back" value="/hosts?q=db"`)
	require.Equal(t, "beta/db", strings.Join(listed(s.As("vera", "viewer:beta").Get("/hosts").Body), " "))
	require.NotContains(t, s.SignIn("vera").Get("/hosts").Body, `type="checkbox" name`)
}

func TestChosenHostsAreBackedUpEachByItself(t *testing.T) {
	t.Parallel()
	s, o := open(t, "acme/web", "acme/busy", "beta/db")
	r := s.As("olga", "operator:acme", "viewer:beta")
	a := r.Post("/hosts/act", url.Values{"do": {"backup"}, "host": {"acme/web", "acme/web"}, "back": {"/hosts?q=web"}})
	require.Equal(t, http.StatusSeeOther, a.Status, a.Body)
	require.Equal(t, "/hosts?q=web", a.Location)
	require.Contains(t, r.Get(a.Location).Body, "1 backup started.")
	require.Equal(t, []string{"acme/web false"}, o.all())

	a = r.Post("/hosts/act", url.Values{"do": {"now"}, "host": {"acme/web", "acme/busy", "beta/db", "acme/gone", "core/x"}})
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, []string{"acme/web false", "acme/web true"}, o.all())
	for _, want := range []string{
		"Nothing was done with 4 hosts", "backup of acme/busy is under way already", `href="/runs/run-9"`,
		"You may look at the hosts of beta, but not operate them", "There is no host acme/gone", "There is no host core/x.", `href="/runs/run-1"`,
	} {
		require.Contains(t, a.Body, want)
	}
	require.Equal(t, http.StatusConflict, r.Post("/hosts/act", url.Values{"do": {"backup"}, "host": {"beta/db"}}).Status)

	for _, wrong := range []url.Values{
		{"do": {"explode"}, "host": {"acme/web"}},
		{"host": {"acme/web"}},
		{"do": {"backup"}, "host": {"-x"}},
		{"do": {"disable"}, "host": {"acme/web"}},
		{"do": {"backup"}, "host": many(201)},
	} {
		require.Equal(t, http.StatusUnprocessableEntity, r.Post("/hosts/act", wrong).Status, "%.100v", wrong)
	}
	a = r.Post("/hosts/act", url.Values{"do": {"backup"}, "back": {"https://evil.example/"}})
	require.Equal(t, "/hosts", a.Location)
	require.Contains(t, r.Get("/hosts").Body, "No host was chosen")
	require.Len(t, o.all(), 2)
	vera := s.As("vera", "viewer")
	require.Equal(t, http.StatusForbidden, vera.Post("/hosts/act", url.Values{"do": {"backup"}, "host": {"acme/web"}}).Status)
	require.Equal(t, http.StatusForbidden, vera.Post("/hosts/disable", url.Values{"host": {"acme/web"}, "reason": {"x"}}).Status)
	require.Equal(t, http.StatusForbidden, vera.Get("/hosts/disable?host=acme/web").Status)
}

func many(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("acme/h%d", i))
	}
	return names
}

func TestDisablingAsksForAReason(t *testing.T) {
	t.Parallel()
	s, _ := open(t, "acme/web", "acme/db")
	r := s.As("olga", "operator:acme")
	// What the button of the list sends: a GET with all its fields.
	ask := r.Get("/hosts/disable?back=%2Fhosts%3Fq%3Dw&host=acme%2Fweb&host=acme%2Fdb")
	require.Equal(t, http.StatusOK, ask.Status)
	require.Contains(t, ask.Body, "Disable 2 hosts?")
	require.Equal(t, 2, strings.Count(ask.Body, `type="hidden" name="host"`))
	form := url.Values{"host": {"acme/web", "acme/db"}, "reason": {"  "}, "back": {"/hosts?q=w"}}
	a := r.Post("/hosts/disable", form)
	require.Equal(t, http.StatusUnprocessableEntity, a.Status)
	require.Contains(t, a.Body, "Give a reason")
	form.Set("reason", strings.Repeat("x", 301))
	require.Equal(t, http.StatusUnprocessableEntity, r.Post("/hosts/disable", form).Status)

	form.Set("reason", "moved to\n another building")
	a = r.Post("/hosts/disable", form)
	require.Equal(t, http.StatusSeeOther, a.Status, a.Body)
	require.Equal(t, "/hosts?q=w", a.Location)
	h, err := s.Store.Host(t.Context(), ident.Host{Group: "acme", Name: "web"})
	require.NoError(t, err)
	require.False(t, h.Enabled)
	require.Equal(t, "moved to another building", h.DisabledReason)
	audit, err := s.Store.Audit(t.Context(), "acme/web", 1)
	require.NoError(t, err)
	require.Equal(t, "host.disable olga (web)", audit[0].Action+" "+audit[0].Actor)
	require.Contains(t, r.Get("/hosts").Body, "moved to another building")

	a = r.Post("/hosts/act", url.Values{"do": {"enable"}, "host": {"acme/web"}})
	require.Equal(t, http.StatusSeeOther, a.Status)
	h, err = s.Store.Host(t.Context(), ident.Host{Group: "acme", Name: "web"})
	require.NoError(t, err)
	require.True(t, h.Enabled)
}
