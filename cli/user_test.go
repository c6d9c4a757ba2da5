package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
)

// catalogOnly is the command line on a catalog of its own, without Temporal.
func catalogOnly(t *testing.T) *planb {
	t.Helper()
	url := catalogtest.URL(t)
	_, _, err := catalog.Migrate(t.Context(), url)
	require.NoError(t, err)
	p := &planb{t: t, environ: []string{"PLANB_CONFIG=/dev/null", "PLANB_STATE=" + t.TempDir(), "PLANB_DATABASE_URL=" + url}}
	p.store, err = catalog.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(p.store.Close)
	return p
}

// typed runs a command that reads what is typed.
func (p *planb) typed(input string, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(input), stdout: &out, stderr: &errs, environ: p.environ}
	status = a.run(p.t.Context(), append([]string{"planb"}, args...))
	return status, out.String(), errs.String()
}

func TestUsersFromTheirFirstToTheirLastDay(t *testing.T) {
	t.Parallel()
	p := catalogOnly(t)
	p.ok("group", "add", "acme")
	status, out, _ := p.typed("correct horse battery\n", "user", "add", "alice", "--role", "admin", "--display-name", "Alice A.")
	require.Zero(t, status)
	require.Equal(t, "Added user alice: admin of all groups.\n", out)
	status, out, _ = p.typed("staple correct horse", "user", "add", "bob", "--role", "operator", "--group", "acme", "--role", "viewer:acme")
	require.Zero(t, status)
	require.Equal(t, "Added user bob: operator of acme, viewer of acme.\n", out)

	require.Contains(t, p.ok("user", "list"), "Alice A.")
	var users []struct {
		Name   string
		Grants access.Grants
	}
	require.NoError(t, json.Unmarshal([]byte(p.ok("user", "list", "--json")), &users))
	require.Equal(t, access.Grants{{Role: access.Operator, Group: "acme"}, {Role: access.Viewer, Group: "acme"}}, users[1].Grants)

	before, err := p.store.BeginSignIn(t.Context(), "bob", "::1", time.Now())
	require.NoError(t, err)
	status, _, _ = p.typed("another password\n", "user", "passwd", "bob")
	require.Zero(t, status)
	after, err := p.store.BeginSignIn(t.Context(), "bob", "::1", time.Now())
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	ok, _, err := access.NewPasswords().Verify(t.Context(), after, "another password")
	require.NoError(t, err)
	require.True(t, ok)

	require.Contains(t, p.ok("user", "edit", "bob", "--role", "restorer"), "restorer of all groups")
	require.Contains(t, p.fails(exitRefused, "user", "edit", "alice", "--role", "viewer"), "last admin")
	require.Contains(t, p.fails(exitRefused, "user", "disable", "alice"), "last admin")
	require.Contains(t, p.fails(exitRefused, "user", "rm", "alice", "--yes"), "last admin")
	p.ok("user", "disable", "bob")
	p.ok("user", "enable", "bob")
	require.Contains(t, p.fails(exitRefused, "user", "rm", "bob"), "Say --yes")
	p.ok("user", "rm", "bob", "--yes")
	p.fails(exitNotFound, "user", "rm", "bob", "--yes")

	changes, err := p.store.Audit(t.Context(), "bob", 20)
	require.NoError(t, err)
	var actions []string
	for _, c := range changes {
		actions = append(actions, c.Action)
		require.NotContains(t, string(c.Detail), "argon2")
	}
	require.Equal(t, []string{"user.remove", "user.enable", "user.disable", "user.edit", "user.password", "user.add"}, actions)
}

func TestUsersThatAreRefused(t *testing.T) {
	t.Parallel()
	p := catalogOnly(t)
	require.Contains(t, p.fails(exitUsage, "user", "add", "alice", "--role", "king"), `"king" is not a role`)
	require.Contains(t, p.fails(exitUsage, "user", "add", "alice"), "say what alice may do")
	require.Contains(t, p.fails(exitUsage, "user", "add", "Alice!", "--role", "admin"), "not a user name")
	require.Contains(t, p.fails(exitUsage, "user", "add", "alice", "--role", "admin"), "no password came")
	status, _, stderr := p.typed("short\n", "user", "add", "alice", "--role", "admin")
	require.Equal(t, exitUsage, status)
	require.Contains(t, stderr, "at least 10 characters")
	status, _, _ = p.typed("correct horse battery\n", "user", "add", "alice", "--role", "admin", "--group", "nowhere")
	require.Equal(t, exitNotFound, status)
	require.Contains(t, p.fails(exitUsage, "user", "edit", "alice"), "nothing to change")
	require.Contains(t, p.fails(exitUsage, "user", "edit", "alice", "--group", "acme"), "--group needs a --role")
}

func TestTokensArePrintedOnce(t *testing.T) {
	t.Parallel()
	p := catalogOnly(t)
	status, out, stderr := p.typed("", "token", "add", "ci", "--role", "viewer", "--expires", "30d")
	require.Zero(t, status, stderr)
	secret := strings.TrimSpace(out)
	require.True(t, strings.HasPrefix(secret, "planb_"))
	who, found, err := p.store.TokenPrincipal(t.Context(), secret, "::1", time.Now())
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "ci", who.Token)
	require.NotContains(t, p.ok("token", "list", "--json"), secret)
	p.fails(exitRefused, "token", "add", "ci", "--role", "viewer")
	require.Contains(t, p.fails(exitUsage, "token", "add", "more", "--role", "viewer", "--expires", "9000d"), "within three years")
	p.fails(exitNotFound, "token", "add", "more", "--role", "viewer", "--user", "nobody")
	p.ok("token", "rm", "ci", "--yes")
	p.fails(exitNotFound, "token", "rm", "ci", "--yes")
	_, found, err = p.store.TokenPrincipal(t.Context(), secret, "::1", time.Now())
	require.NoError(t, err)
	require.False(t, found)
}
