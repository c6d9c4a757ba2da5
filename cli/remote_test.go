package cli

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/config"
	"planb/internal/policy"
	"planb/web"
	"planb/worker"
	"planb/worker/operate"
)

// remote gives the command line of somebody elsewhere, who has a token with a
// role, "role" or "role:group", and neither database nor Temporal.
func (p *planb) remote(grants ...string) *planb {
	p.t.Helper()
	cfg, err := config.Load("", p.environ)
	require.NoError(p.t, err)
	tc, err := worker.Dial(p.t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(p.t, err)
	p.t.Cleanup(tc.Close)
	handler, err := web.Handler(p.t.Context(), web.Options{
		Catalog: p.store, Temporal: tc, Log: slog.New(slog.DiscardHandler), Version: "test", DataKey: cfg.Data.Key,
	})
	require.NoError(p.t, err)
	server := httptest.NewServer(handler)
	p.t.Cleanup(server.Close)
	return &planb{t: p.t, store: p.store, environ: []string{
		"PLANB_CONFIG=/dev/null", "PLANB_DATABASE_URL=postgres://nobody@127.0.0.1:1/none", "PLANB_TEMPORAL_ADDRESS=127.0.0.1:1",
		"PLANB_SERVER_URL=" + server.URL, "PLANB_TOKEN=" + p.token(grants...),
	}}
}

// token gives the secret of a new token.
func (p *planb) token(grants ...string) string {
	p.t.Helper()
	n := catalog.NewToken{Name: "t" + strings.ToLower(rand.Text()), ExpiresAt: time.Now().Add(time.Hour)}
	for _, text := range grants {
		var g access.Grant
		role, of, _ := strings.Cut(text, ":")
		g.Role, g.Group = access.Role(role), of
		n.Grants = append(n.Grants, g)
	}
	secret, err := p.store.AddToken(p.t.Context(), n, time.Now())
	require.NoError(p.t, err)
	return secret
}

// Groups and the policy of the system, from elsewhere: the same sentences, the
// same fields, the same exit statuses as where the database is.
func TestGroupsAndPolicyThroughServer(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	admin := p.remote("admin")
	g := group(t)

	require.Equal(t, "Added group "+g+". Next: planb host add "+g+"/NAME --address ADDRESS\n",
		admin.ok("group", "add", g, "--email", "ops@acme.example", "--notes", "ours", "--keep", "7d", "--exclude", "*.tmp"))
	require.Contains(t, admin.fails(exitRefused, "group", "add", g), "here is already a group "+g)
	require.Contains(t, admin.fails(exitUsage, "group", "edit", g, "--keep", "many"), "--keep")
	require.Contains(t, admin.fails(exitUsage, "group", "edit", g), "nothing to change")
	require.Equal(t, "Changed group "+g+".\n", admin.ok("group", "edit", g, "--every", "12h", "--unset", "exclude", "--unset", "email"))
	require.Equal(t, p.ok("group", "show", g, "--json"), admin.ok("group", "show", g, "--json"))
	shown, err := p.store.GroupShown(t.Context(), g)
	require.NoError(t, err)
	require.Empty(t, shown.Emails)
	require.Equal(t, "ours", shown.Notes)
	require.Equal(t, "7d", shown.Policy.Keep.Value.String())
	require.Equal(t, "12h", shown.Policy.Every.Value.String())
	require.NotEqual(t, policy.LevelGroup, shown.Policy.Exclude.From)

	require.Equal(t, "Changed the policy of the system.\n", admin.ok("policy", "edit", "--keep", "9d"))
	require.Equal(t, p.ok("policy", "show", "--json"), admin.ok("policy", "show", "--json"))
	var effective policy.Effective
	require.NoError(t, json.Unmarshal([]byte(admin.ok("policy", "show", "--json")), &effective))
	require.Equal(t, "9d", effective.Keep.Value.String())

	// The schedules of its hosts go with the name of the group.
	p.ok("host", "add", g+"/web1", "--address", "192.0.2.1")
	require.Equal(t, "Renamed group "+g+" to "+g+"-2. The datasets of its hosts stay where they are.\n", admin.ok("group", "rename", g, g+"-2"))
	var scheduled []operate.Schedule // of this host alone: tests share the schedules of one namespace
	p.json(&scheduled, "schedule", "list", g+"-2/web1")
	require.Len(t, scheduled, 1)
	require.NotNil(t, scheduled[0].Next)
	require.Contains(t, admin.fails(exitNotFound, "group", "rm", g, "--yes"), "here is no group "+g)
	require.Contains(t, admin.fails(exitRefused, "group", "rm", g+"-2"), "Say --yes")
	require.Contains(t, admin.fails(exitRefused, "group", "rm", g+"-2", "--yes"), "till has hosts (1)")
	h, err := p.store.Host(t.Context(), mustHost(t, g+"-2/web1"))
	require.NoError(t, err)
	_, err = p.store.RemoveHost(t.Context(), h.ID, "")
	require.NoError(t, err)
	require.Equal(t, "Removed group "+g+"-2.\n", admin.ok("group", "rm", g+"-2", "--yes"))

	changes, err := p.store.Audit(t.Context(), g, 10)
	require.NoError(t, err)
	var actions []string
	for _, c := range changes {
		require.Regexp(t, `^token .* \(api\)$`, c.Actor)
		actions = append(actions, c.Action)
	}
	require.Equal(t, []string{"group.rename", "group.edit", "policy.edit", "group.add", "policy.edit"}, actions)
}

// Who manages one group changes that one, and neither adds groups nor changes
// what all inherit.
func TestGroupsAndPolicyOfOthersThroughServer(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	g := group(t)
	p.ok("group", "add", g)
	p.ok("group", "add", g+"-other")
	manager, operator := p.remote("admin:"+g), p.remote("operator:"+g)
	manager.ok("group", "edit", g, "--notes", "mine")
	manager.ok("policy", "show")
	manager.fails(exitRefused, "group", "add", g+"-3")
	manager.fails(exitRefused, "policy", "edit", "--keep", "1d")
	manager.fails(exitNotFound, "group", "edit", g+"-other", "--notes", "mine")
	manager.fails(exitNotFound, "group", "rm", g+"-other", "--yes")
	operator.fails(exitRefused, "group", "edit", g, "--notes", "mine")
	operator.fails(exitRefused, "group", "rename", g, g+"-4")
	operator.fails(exitRefused, "group", "rm", g, "--yes")
}
