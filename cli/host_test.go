package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/devstack"
	"planb/internal/policy"
	"planb/worker/operate"
)

// planb is the command line on a catalog of its own.
type planb struct {
	t       *testing.T
	store   *catalog.Store
	environ []string
}

func newPlanb(t *testing.T) *planb {
	t.Helper()
	url := catalogtest.URL(t)
	p := &planb{t: t, environ: []string{
		"PLANB_CONFIG=/dev/null", "PLANB_STATE=" + t.TempDir(), "PLANB_DATABASE_URL=" + url,
		"PLANB_TEMPORAL_ADDRESS=" + temporalAddress(t), "PLANB_TEMPORAL_NAMESPACE=" + devstack.Namespace,
	}}
	require.Contains(t, p.ok("migrate"), "The catalog went from version 0")
	require.Contains(t, p.ok("migrate"), "already")
	var err error
	p.store, err = catalog.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(p.store.Close)
	return p
}

func (p *planb) run(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, environ: p.environ}
	status = a.run(p.t.Context(), append([]string{"planb"}, args...))
	return status, out.String(), errs.String()
}

func (p *planb) ok(args ...string) string {
	p.t.Helper()
	status, stdout, stderr := p.run(args...)
	require.Zero(p.t, status, "planb %s: %s", strings.Join(args, " "), stderr)
	require.Empty(p.t, stderr)
	return stdout
}

// fails gives the one line that a command ends with.
func (p *planb) fails(status int, args ...string) string {
	p.t.Helper()
	got, stdout, stderr := p.run(args...)
	require.Equal(p.t, status, got, "planb %s: %s", strings.Join(args, " "), stderr)
	require.Empty(p.t, stdout)
	require.Equal(p.t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
	return stderr
}

func (p *planb) json(v any, args ...string) {
	p.t.Helper()
	require.NoError(p.t, json.Unmarshal([]byte(p.ok(append(args, "--json")...)), v))
}

// group gives the test a group name of its own: all tests share one Temporal,
// in which schedules are named after hosts.
func group(t *testing.T) string { return strings.ToLower(strings.TrimPrefix(t.Name(), "Test")) }

func TestHostFromAddToRemove(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	host := g + "/web1"
	out := p.ok("host", "add", host, "--address", "web1.example", "--port", "2222", "--user", "backup", "--sudo",
		"--include", "srv/a, b", "--include", "/etc", "--exclude", "*.tmp", "--keep", "7d,4w", "--every", "1d",
		"--window", "22:00-06:00", "--tz", "Europe/Amsterdam", "--flag", "--one-file-system", "--check-file", "/mnt/ok",
		"--tag", "prod", "--notes", "rack 4")
	require.Equal(t, "Added group "+g+".\nAdded host "+host+". Next: planb backup "+host+" --wait\n", out)

	var shown struct {
		catalog.HostShown
		Policy map[string]policy.Value[any] `json:"policy"`
	}
	p.json(&shown, "host", "show", host)
	require.Equal(t, "web1.example", shown.Address)
	require.Equal(t, policy.Value[any]{Value: float64(2222), From: policy.LevelHost}, shown.Policy["port"])
	require.Equal(t, []any{"srv/a, b", "/etc"}, shown.Policy["include"].Value)
	require.Equal(t, policy.LevelDefault, shown.Policy["ionice"].From)
	require.Equal(t, []string{"prod"}, shown.Tags)

	var schedule []operate.Schedule
	p.json(&schedule, "schedule", "list", host)
	require.Equal(t, "22:00-06:00", *schedule[0].Window)
	require.False(t, schedule[0].Paused)
	require.NotNil(t, schedule[0].Next)

	p.ok("host", "edit", host, "--unset", "tz", "--unset", "keep", "--unset", "notes", "--sudo=false", "--address", "[2001:db8::7]")
	p.json(&shown, "host", "show", host)
	require.Equal(t, "2001:db8::7", shown.Address)
	require.Equal(t, policy.LevelDefault, shown.Policy["timezone"].From)
	require.Equal(t, policy.Value[any]{Value: false, From: policy.LevelHost}, shown.Policy["sudo"])
	require.Empty(t, shown.Notes)

	p.ok("host", "disable", host, "--reason", "under repair")
	p.json(&schedule, "schedule", "list", host)
	require.Equal(t, "disabled: under repair", *schedule[0].PauseReason)
	var hosts []catalog.HostOverview
	p.json(&hosts, "host", "list", "--group", g)
	require.Len(t, hosts, 1)
	require.Equal(t, policy.HealthPaused, hosts[0].Health)
	p.ok("host", "enable", host)

	require.Contains(t, p.ok("host", "clone", host, g+"/web2", "--address", "web2.example", "--port", "22"), "Added host "+g+"/web2.")
	p.json(&shown, "host", "show", g+"/web2")
	require.Equal(t, float64(22), shown.Policy["port"].Value)
	require.Equal(t, "backup", shown.Policy["user"].Value)

	require.Equal(t, "Renamed host "+host+" to "+g+"/www. It has no data yet.\n", p.ok("host", "rename", host, g+"/www"))
	p.json(&schedule, "schedule", "list")
	require.Len(t, schedule, 2)
	for _, s := range schedule {
		require.False(t, s.Paused, s.Host)
	}
	require.Contains(t, p.fails(exitRefused, "host", "rm", g+"/www"), "--yes")
	require.Equal(t, "Removed host "+g+"/www. It has no data yet.\n", p.ok("host", "rm", g+"/www", "--yes"))
	p.fails(exitNotFound, "host", "show", g+"/www")
}

func TestHostMistakesGetOneLineAndChangeNothing(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	host := g + "/web1"
	for _, tc := range []struct {
		status int
		says   string
		args   []string
	}{
		{exitUsage, "group/name", []string{"host", "add", "web1", "--address", "a"}},
		{exitUsage, "dash", []string{"host", "add", g + "/-web1", "--address", "a"}},
		{exitUsage, "'@'", []string{"host", "add", g + "/web@1", "--address", "a"}},
		{exitUsage, "space", []string{"host", "add", g + "/web 1", "--address", "a"}},
		{exitUsage, "slash", []string{"host", "add", host + "/x", "--address", "a"}},
		{exitUsage, "--address", []string{"host", "add", host}},
		{exitUsage, "dash", []string{"host", "add", host, "--address", "-oProxyCommand=x"}},
		{exitUsage, "dash", []string{"host", "add", host, "--address", "a", "--user", "-l"}},
		{exitUsage, "letters are h, d, w, m and y", []string{"host", "add", host, "--address", "a", "--keep", "16x"}},
		{exitUsage, "--rsync-path", []string{"host", "add", host, "--address", "a", "--flag", "--rsync-path=x"}},
		{exitUsage, "--window", []string{"host", "add", host, "--address", "a", "--window", "25:00-06:00"}},
		{exitUsage, "time zone", []string{"host", "add", host, "--address", "a", "--tz", "Mars/Olympus"}},
		{exitUsage, "--port", []string{"host", "add", host, "--address", "a", "--port", "ssh"}},
		{exitUsage, "public key", []string{"host", "add", host, "--address", "a", "--host-key", "AAAA"}},
		{exitUsage, "-colour", []string{"host", "add", host, "--address", "a", "--colour"}},
		{exitUsage, "reason", []string{"host", "add", host, "--address", "a", "--disabled", ""}},
		{exitNotFound, "no storage tank/NONE", []string{"host", "add", host, "--address", "a", "--storage", "tank/NONE"}},
		{exitNotFound, "planb host add", []string{"host", "edit", host, "--port", "22"}},
		{exitNotFound, "planb host list", []string{"host", "disable", host}},
		{exitUsage, "nothing to change", []string{"host", "edit", host}},
		{exitUsage, "no such field", []string{"host", "edit", host, "--unset", "colour"}},
		{exitUsage, "give one of them", []string{"host", "edit", host, "--unset", "port", "--port", "22"}},
		{exitNotFound, "no host", []string{"host", "rm", host, "--yes"}},
		{exitNotFound, "no group", []string{"host", "list", "--group", g}},
		{exitUsage, "mail address", []string{"group", "add", g, "--email", "ops"}},
	} {
		require.Contains(t, p.fails(tc.status, tc.args...), tc.says, "%v", tc.args)
	}
	groups, err := p.store.Groups(t.Context())
	require.NoError(t, err)
	require.Empty(t, groups)
}

func TestHostAddWithoutTemporalChangesNothing(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	p.environ = append(p.environ, "PLANB_TEMPORAL_ADDRESS=127.0.0.1:1")
	require.Contains(t, p.fails(exitFailed, "host", "add", g+"/web1", "--address", "a"), "Temporal does not answer at 127.0.0.1:1")
	hosts, err := p.store.Hosts(t.Context(), catalog.HostFilter{})
	require.NoError(t, err)
	require.Empty(t, hosts)
}

func TestSchedulesOfSeveralHostsPauseWithAReason(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	for _, name := range []string{"/web1", "/web2"} {
		p.ok("host", "add", g+name, "--address", "a")
	}
	require.Contains(t, p.fails(exitNotFound, "schedule", "pause", g+"/web1", g+"/web3", "--reason", "move"), "no host "+g+"/web3")
	p.fails(exitUsage, "schedule", "pause")
	require.Equal(t, "Paused "+g+"/web1.\nPaused "+g+"/web2.\n", p.ok("schedule", "pause", g+"/web1", g+"/web2", "--reason", "move"))
	var schedule []operate.Schedule
	p.json(&schedule, "schedule", "list", g+"/web1", g+"/web2")
	for _, row := range schedule {
		require.True(t, row.Paused)
		require.Equal(t, "disabled: move", *row.PauseReason)
	}
	p.ok("schedule", "resume", g+"/web1")
	p.json(&schedule, "schedule", "list", g+"/web1", g+"/web2")
	require.False(t, schedule[0].Paused)
	require.True(t, schedule[1].Paused)
}

func TestGroupFromAddToRemove(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	require.Contains(t, p.ok("group", "add", g, "--email", "ops@acme.example", "--tz", "Europe/Amsterdam"), "Added group "+g)
	require.Contains(t, p.fails(exitRefused, "group", "add", g), "there is already a group "+g)
	p.ok("host", "add", g+"/web1", "--address", "a")
	require.Contains(t, p.ok("host", "show", g+"/web1"), "Europe/Amsterdam")

	p.ok("group", "edit", g, "--every", "12h", "--unset", "email", "--notes", "calls back")
	var schedule []operate.Schedule
	p.json(&schedule, "schedule", "list", g+"/web1")
	require.Equal(t, "12h", schedule[0].Every)
	require.Contains(t, p.ok("schedule", "list", g+"/web1"), "12h")
	var groups []catalog.Group
	p.json(&groups, "group", "list")
	require.Len(t, groups, 1)
	require.Equal(t, "calls back", groups[0].Notes)
	require.Empty(t, groups[0].Emails)
	require.Contains(t, p.ok("group", "show", g), "calls back")

	p.ok("group", "rename", g, g+"2")
	require.Contains(t, p.fails(exitRefused, "group", "rm", g+"2", "--yes"), "still has hosts (1)")
	p.ok("host", "rm", g+"2/web1", "--yes")
	p.ok("group", "rm", g+"2", "--yes")
	require.Contains(t, p.fails(exitNotFound, "group", "show", g), "planb group add "+g)
}

func TestSystemPolicyIsInheritedByAll(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	p.ok("host", "add", g+"/web1", "--address", "a")
	p.ok("policy", "edit", "--every", "6h", "--exclude", "a b", "--exclude", "c")
	require.Regexp(t, `every +system +6h\n`, p.ok("policy", "show"))
	require.Regexp(t, `exclude +system +"a b" c\n`, p.ok("host", "show", g+"/web1"))
	var schedule []operate.Schedule
	p.json(&schedule, "schedule", "list", g+"/web1")
	require.Equal(t, "6h", schedule[0].Every)
	p.ok("policy", "edit", "--unset", "every")
	require.Regexp(t, `every +default +1d\n`, p.ok("policy", "show"))
	p.fails(exitUsage, "policy", "edit")
	p.fails(exitUsage, "policy", "edit", "--unset", "notes")
}

// A window with a space in it, a flag after the host, a value that begins
// with a dash: the ways in which people write commands.
func TestFlagsMayFollowTheHost(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	p.ok("host", "add", "--address", "a", g+"/web1", "--window", "mon-fri 22:00-06:00; sat,sun 00:00-24:00", "--flag", "--checksum")
	require.Regexp(t, `window +host +mon-fri 22:00-06:00; sat,sun 00:00-24:00\n`, p.ok("host", "show", g+"/web1"))
	require.Regexp(t, `flag +host +--checksum\n`, p.ok("host", "show", g+"/web1"))
}

func TestPinnedHostKeysCanBeGivenAndForgotten(t *testing.T) {
	t.Parallel()
	p, g := newPlanb(t), group(t)
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMsKx0QWZxTAOJ2bTbvYh5VDzNsYmXBoMI8iCVHSfsRu"
	p.ok("host", "add", g+"/web1", "--address", "a", "--host-key", key+" root@web1", "--jump-host", "me@"+g+".example")
	var shown catalog.HostShown
	p.json(&shown, "host", "show", g+"/web1")
	require.Equal(t, []string{key}, shown.HostKeys)
	require.NoError(t, p.store.PinJumpHostKeys(t.Context(), g+".example", []string{key}))
	p.ok("host", "edit", g+"/web1", "--unset", "host-key", "--unset", "jump-host-key")
	p.json(&shown, "host", "show", g+"/web1")
	require.Empty(t, shown.HostKeys)
	keys, err := p.store.JumpHostKeys(t.Context(), g+".example")
	require.NoError(t, err)
	require.Empty(t, keys)
}
