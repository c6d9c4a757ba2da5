package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// What is wrong gets one line that says so and what to do, the right exit
// status, and changes nothing. This test runs alone, so that nothing but its
// commands could have changed anything.
func TestBadInputChangesNothing(t *testing.T) {
	src := source(t)
	s := sshtest.Server(t, sshtest.Options{Root: src})
	addHost(t, "bad/web1", s, "--include", "etc")
	snapshot := backupOK(t, "bad/web1")
	must(t, "group", "add", "badgroup")
	addHost(t, "bad/taken", s)
	// Temporal lists a schedule a moment after it has been made.
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(scheduleIDs(t), func(id string) bool { return strings.HasPrefix(id, "schedule/bad/taken ") })
	}, patience, 100*time.Millisecond)
	to := t.TempDir()
	closed := fmt.Sprintf("127.0.0.1:%d", sshtest.FreePort(t))

	add := func(host string, more ...string) []string {
		return append([]string{"host", "add", host, "--address", "web2.example.com"}, more...)
	}
	cases := []struct {
		name string
		env  []string
		args []string
		code int
		says string
	}{
		{"slash in the name", nil, add("bad/web/2"), usage, "bad/web/2"},
		{"no group", nil, add("web2"), usage, "group/name"},
		{"at sign", nil, add("bad/web@2"), usage, `"web@2"`},
		{"space", nil, add("bad/web 2"), usage, `"web 2"`},
		{"dash first", nil, add("bad/-web2"), usage, `"-web2"`},
		{"dash first in the group", nil, []string{"host", "add", "--address", "web2.example.com", "--", "-bad/web2"}, usage, `"-bad"`},
		{"dots", nil, add("../web2"), usage, `".."`},
		{"newline", nil, add("bad/web\n2"), usage, "web"},
		{"empty name", nil, add("bad/"), usage, "empty"},
		{"very long name", nil, add("bad/" + strings.Repeat("x", 300)), usage, "at most"},
		{"name of a group", nil, []string{"group", "add", "bad group"}, usage, `"bad group"`},
		{"no address", nil, []string{"host", "add", "bad/web2"}, usage, "--address"},
		{"address like an option", nil, []string{"host", "add", "bad/web2", "--address=-oProxyCommand=touch /tmp/x"}, usage, "-oProxyCommand"},
		{"address with a user", nil, []string{"host", "add", "bad/web2", "--address", "root@web2"}, usage, "root@web2"},
		{"address with a command", nil, []string{"host", "add", "bad/web2", "--address", "web2;reboot"}, usage, "web2;reboot"},
		{"user like an option", nil, add("bad/web2", "--user=-lroot"), usage, "-lroot"},
		{"port", nil, add("bad/web2", "--port", "70000"), usage, "--port"},
		{"port that is a word", nil, add("bad/web2", "--port", "ssh"), usage, "--port"},
		{"retention letter", nil, add("bad/web2", "--keep", "16d,4x"), usage, "4x"},
		{"interval", nil, add("bad/web2", "--every", "often"), usage, "--every"},
		{"window", nil, add("bad/web2", "--window", "25:00-06:00"), usage, "--window"},
		{"time zone", nil, add("bad/web2", "--tz", "Europe/Atlantis"), usage, "--tz"},
		{"flag that runs a command", nil, add("bad/web2", "--flag=--rsync-path=reboot"), usage, "--rsync-path"},
		{"flag that is a shell", nil, add("bad/web2", "--flag=-e sh"), usage, "--flag"},
		{"exclude of everything", nil, add("bad/web2", "--exclude", "/"), usage, "exclude"},
		{"host key", nil, add("bad/web2", "--host-key", "ssh-rsa nonsense"), usage, "--host-key"},
		{"unknown flag", nil, add("bad/web2", "--colour", "x"), usage, "colour"},
		{"unknown command", nil, []string{"bakcup", "bad/web1"}, usage, "bakcup"},
		{"label", nil, []string{"backup", "bad/web1", "--keep", "a b"}, usage, `"a b"`},
		{"nothing to back up", nil, []string{"backup"}, usage, "--all"},
		{"edit of nothing", nil, []string{"host", "edit", "bad/web1"}, usage, "nothing to change"},
		{"edit to a bad value", nil, []string{"host", "edit", "bad/web1", "--keep", "1q"}, usage, "1q"},
		{"restore of a relative path", nil, []string{"restore", "bad/web1", "etc", "--to", to}, usage, `"etc"`},
		{"restore to nowhere", nil, []string{"restore", "bad/web1", "/etc"}, usage, "--to"},

		{"host that is there", nil, add("bad/web1"), refused, "there is already a host bad/web1"},
		{"group that is there", nil, []string{"group", "add", "badgroup"}, refused, "badgroup"},
		{"group with hosts", nil, []string{"group", "rm", "bad", "--yes"}, refused, "still has hosts"},
		{"name that is taken", nil, []string{"host", "rename", "bad/web1", "bad/taken"}, refused, "there is already a host bad/taken"},
		{"rm without an answer", nil, []string{"host", "rm", "bad/web1"}, refused, "--yes"},
		{"dataset of another host", nil, add("bad/web2", "--dataset", stack.Storage+"/bad/web1"), refused, "belongs to host bad/web1"},
		{"dataset of another host, edited", nil, []string{"host", "edit", "bad/web1", "--dataset", stack.Storage + "/bad/other"}, refused, "cannot change"},

		{"pool that is not there", nil, add("bad/web2", "--storage", "nosuchpool/BACKUP"), notFound, "nosuchpool/BACKUP"},
		{"dataset on a pool that is not there", nil, add("bad/web2", "--dataset", "nosuchpool/BACKUP/x"), notFound, "nosuchpool"},
		{"backup of no host", nil, []string{"backup", "bad/web2"}, notFound, "there is no host bad/web2"},
		{"show of no host", nil, []string{"host", "show", "bad/web2"}, notFound, "there is no host bad/web2"},
		{"edit of no host", nil, []string{"host", "edit", "bad/web2", "--port", "23"}, notFound, "there is no host bad/web2"},
		{"rm of no host", nil, []string{"host", "rm", "bad/web2", "--yes"}, notFound, "there is no host bad/web2"},
		{"rename of no host", nil, []string{"host", "rename", "bad/web2", "bad/web3"}, notFound, "there is no host bad/web2"},
		{"disable of no host", nil, []string{"host", "disable", "bad/web2"}, notFound, "there is no host bad/web2"},
		{"runs of no host", nil, []string{"runs", "bad/web2"}, notFound, "there is no host bad/web2"},
		{"snapshots of no host", nil, []string{"snapshots", "bad/web2"}, notFound, "there is no host bad/web2"},
		{"restore of no host", nil, []string{"restore", "bad/web2", "/etc", "--to", to}, notFound, "there is no host bad/web2"},
		{"ls of no host", nil, []string{"ls", "bad/web2"}, notFound, "there is no host bad/web2"},
		{"ls of no snapshot", nil, []string{"ls", "bad/web1@daily-200001010000", "/"}, notFound, "daily-200001010000"},
		{"ls of no path", nil, []string{"ls", "bad/web1@" + snapshot, "/nosuch"}, notFound, "/nosuch"},
		{"group that is not there", nil, []string{"group", "show", "nosuch"}, notFound, "there is no group nosuch"},
		{"hosts of no group", nil, []string{"backup", "--group", "nosuch"}, notFound, "there is no group nosuch"},
		{"run that is not there", nil, []string{"run", "show", "0000"}, notFound, "there is no run 0000"},
		{"log of no run", nil, []string{"run", "log", "00000000-0000-0000-0000-000000000000"}, notFound, "there is no run"},

		{
			"PostgreSQL away",
			[]string{"PLANB_DATABASE_URL=postgres://planb@" + closed + "/planb"},
			add("bad/web2"), failed,
			"PostgreSQL does not answer at " + closed + ": start it or set PLANB_DATABASE_URL",
		},
		{
			"Temporal away",
			[]string{"TEMPORAL_ADDRESS=" + closed},
			add("bad/web2"), failed,
			"Temporal does not answer at " + closed + ": start it or set TEMPORAL_ADDRESS",
		},
		{
			"Temporal away for a backup",
			[]string{"TEMPORAL_ADDRESS=" + closed},
			[]string{"backup", "bad/web1"},
			failed,
			"Temporal does not answer at " + closed,
		},
		{
			"wrong database password",
			[]string{"PLANB_DATABASE_URL=" + strings.Replace(stack.DatabaseURL, "planb:", "planb:not", 1)},
			[]string{"host", "list"},
			failed, "refuses the sign-in",
		},
		{"no such database", []string{"PLANB_DATABASE_URL=" + strings.Replace(stack.DatabaseURL, "/planb?", "/nosuch?", 1)}, []string{"host", "list"}, failed, "nosuch"},
		{"configuration that is not there", []string{"PLANB_CONFIG=/nosuch.yaml"}, []string{"host", "list"}, failed, "/nosuch.yaml"},
		{"unknown key in the configuration", []string{"PLANB_CONFIG=" + badConfig(t)}, []string{"host", "list"}, failed, "databse"},
	}
	before := everything(t)
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				requireOneLine(t, planbWith(t, c.env, c.args...), c.code, c.says)
			})
		}
	})
	requireNothingChanged(t, before)

	// What Temporal itself refuses was asked for: that is on record, and no more.
	requireOneLine(t, planbWith(t, []string{"TEMPORAL_NAMESPACE=nosuch"}, "backup", "bad/web1"), failed, "nosuch")
	more := without(everything(t), before)
	require.Len(t, more, 1)
	require.Regexp(t, `^audit .*"action": "host.backup", "detail": {"error": ".*nosuch`, more[0])
	entries, err := os.ReadDir(to)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func badConfig(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "planb.yaml", "databse:\n  url: postgres://x\n")
	return filepath.Join(dir, "planb.yaml")
}
