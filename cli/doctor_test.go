package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
	"planb/worker/doctor"
)

// mailServer says hello, and nothing else.
func mailServer(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = fmt.Fprint(conn, "220 mail.example ESMTP\r\n")
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					_, _ = fmt.Fprint(conn, "250 mail.example\r\n")
				}
			}()
		}
	}()
	return l
}

// All is well on a stack that works; what is broken is named, with what to do.
func TestDoctor(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	s.ok("host", "add", g+"/web1", "--address", "a.example")
	smtp := mailServer(t)
	state := s.env("PLANB_STATE")
	require.NoError(t, os.Chmod(state, 0o700))
	file := filepath.Join(t.TempDir(), "planb.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `notify:
  channels:
    - {name: office, type: mail, server: "%s", tls: none, from: planb@backup.example, to: [ops@backup.example]}
    - {name: chat, type: webhook, url: "http://127.0.0.1:9/x", secret: veryverysecret}
`, smtp.Addr()), 0o600))
	s.environ = append(s.environ, "PLANB_CONFIG="+file)
	look := func() (found []doctor.Finding, text string) {
		t.Helper()
		_, text, stderr := s.run("doctor", "--json")
		require.Empty(t, stderr)
		require.NoError(t, json.Unmarshal([]byte(text), &found))
		return found, text
	}
	wrong := func(list []doctor.Finding) (checks []string) {
		for _, f := range list {
			if f.State == doctor.Wrong {
				checks = append(checks, f.Check+": "+f.Text)
			}
		}
		return checks
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) { // the first polls take a moment
		found, _ := look()
		assert.Empty(c, wrong(found))
	}, time.Minute, time.Second)
	out := s.ok("doctor")
	for _, check := range []string{
		"configuration", "database", "temporal", "control", "worker store1", "schedules", "clock of postgresql", "clock of temporal",
		"state directory", "ssh key", "metrics.control", "metrics.worker", "mail office", "ssh", "rsync", "zfs", "rights", "storage " + s.parent,
	} {
		require.Regexp(t, `(?m)^ok        `+check+": .", out)
	}
	require.NotContains(t, out, "wrong")
	require.Regexp(t, `(?m)^ok        ssh: /\S+, version \d+\.\d`, out)
	require.Regexp(t, `(?m)^ok        rsync: /\S+, version \d+\.\d`, out)

	// A pool that is not there, a mail server that is away, a directory open to
	// others, a schedule that somebody changed, metrics for everybody.
	require.NoError(t, os.Chmod(state, 0o755))
	require.NoError(t, smtp.Close())
	s.sql(`update policies set settings = jsonb_set(settings::jsonb, '{every}', '"12h"')::text::json where scope = 'host'`)
	s.environ = append(s.environ, "PLANB_STORAGES="+s.parent+"/gone", "PLANB_METRICS_CONTROL=0.0.0.0:7490")
	status, out, _ := s.run("doctor")
	require.Equal(t, exitFailed, status)
	require.Contains(t, out, "wrong     storage "+s.parent+"/gone: is not there: make it with zfs create -p "+s.parent+"/gone")
	require.Contains(t, out, "wrong     mail office: the mail server "+smtp.Addr().String()+" cannot be reached")
	require.Contains(t, out, "wrong     state directory: "+state+" is open to others (mode 0755): chmod 700 "+state)
	require.Contains(t, out, "wrong     schedules: 1 differ from the catalog ("+g+"/web1): planb schedule sync makes them agree")
	require.Contains(t, out, "wrong     metrics.control: answers everybody")
	found, _ := look()
	require.Len(t, wrong(found), 5)
	require.NoError(t, os.Chmod(state, 0o700))

	// A storage server without database or mail; nobody who polls; nothing told.
	s.environ = append(s.environ, "PLANB_DATABASE_URL=", "PLANB_STORAGES="+s.parent, "PLANB_SERVER=store9")
	found, text := look()
	require.Len(t, wrong(found), 1)
	require.Contains(t, wrong(found)[0], "worker store9: nothing polls the queues storage-store9, pull-store9: start planb worker on store9")
	for _, check := range []string{"database", "schedules", "mail"} {
		require.True(t, slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Check == check && f.State == doctor.NotHere }), check)
	}
	// Nothing that has to be reached can be.
	s.environ = append(s.environ, "PLANB_DATABASE_URL=postgres://planb:hunter2@127.0.0.1:"+strconv.Itoa(sshtest.FreePort(t))+"/planb",
		"PLANB_TEMPORAL_ADDRESS=127.0.0.1:"+strconv.Itoa(sshtest.FreePort(t)), "PLANB_STORAGES=")
	found, all := look()
	require.GreaterOrEqual(t, len(wrong(found)), 2)
	require.Contains(t, strings.Join(wrong(found), "\n"), "temporal: Temporal does not answer at 127.0.0.1:")
	require.Contains(t, strings.Join(wrong(found), "\n"), "database: ")
	for _, secret := range []string{"hunter2", "veryverysecret", strings.Repeat("k", 32)} {
		require.NotContains(t, text+all, secret)
	}

	// A mistake in the file.
	require.NoError(t, os.WriteFile(file, []byte("storage: []\n"), 0o600))
	status, out, _ = s.run("doctor")
	require.Equal(t, exitFailed, status)
	require.Contains(t, out, "wrong     configuration: "+file+": ")
}

// env gives a variable that commands run with.
func (p *planb) env(name string) string { return (&app{environ: p.environ}).env(name) }
