package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/dataplane"
)

// What changed from one real backup to the next is found, shown and summed up,
// from real snapshots and from the live data.
func TestFindHistoryAndDiffOfRealBackups(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	host, root := group(t)+"/web1", t.TempDir()
	write := func(name, text string, at time.Time) {
		full := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(text), 0o644))
		require.NoError(t, os.Chtimes(full, at, at))
	}
	old := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	write("etc/motd", "one", old)
	write("etc/mode", "same", old)
	write("etc/gone.conf", "12345", old)
	hostile := "a\nb\x1b[31m\xff.conf"
	write("etc/"+hostile, "x", old)
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(root, "etc", "link.conf")))
	s.add(host, root)
	backup := func() string {
		out := s.waits("backup", host, "--wait", "--json")
		var rows []struct{ Snapshot, State, Message string }
		require.NoError(t, json.Unmarshal([]byte(out), &rows), out)
		require.Equal(t, "ok", rows[0].State, rows[0].Message)
		return rows[0].Snapshot
	}
	first := backup()
	write("etc/motd", "three", old.AddDate(0, 0, 1))
	write("new/file", "123", old)
	require.NoError(t, os.Remove(filepath.Join(root, "etc", "gone.conf")))
	require.NoError(t, os.Chmod(filepath.Join(root, "etc", "mode"), 0o600))
	second := backup()

	ask := func(into any, args ...string) {
		require.NoError(t, json.Unmarshal([]byte(s.ok(append(args, "--json")...)), into), "%v", args)
	}
	var versions []dataplane.PathVersion
	ask(&versions, "history", host, "/etc/motd")
	require.Len(t, versions, 2)
	require.EqualValues(t, 5, *versions[0].Size)
	require.Equal(t, second, versions[0].Snapshots[0].Snapshot)
	require.Equal(t, "ok", *versions[0].Snapshots[0].State)
	require.NotNil(t, versions[0].Checksum, "rsync told it at transfer time")
	require.NotEqual(t, *versions[0].Checksum, *versions[1].Checksum)
	require.Equal(t, first, versions[1].Snapshots[0].Snapshot)

	var found []dataplane.FoundPath
	ask(&found, "find", host, "*.conf")
	require.Len(t, found, 3)
	require.Equal(t, `/etc/a\nb\x1b[31m\xff.conf`, found[0].Path)
	require.Equal(t, "/etc/"+hostile, found[0].RawPath())
	require.Equal(t, "/etc/gone.conf", found[1].Path)
	require.Equal(t, second, found[1].GoneSince.Snapshot)
	require.Equal(t, first, found[1].Newest.Snapshot)
	require.Equal(t, "/etc/passwd", *found[2].LinkTarget)
	ask(&found, "find", host+"@"+first, "GONE*", "-i")
	require.Len(t, found, 1)
	out := s.ok("find", host, "/etc/*.conf")
	require.Contains(t, out, `\x1b[31m`)
	require.NotContains(t, out, "\x1b")
	require.Contains(t, out, "/etc/gone.conf  (gone since "+second+")")

	var changes []dataplane.ChangedPath
	ask(&changes, "diff", host, first, second)
	got := map[string]string{}
	for _, ch := range changes {
		got[ch.Path] = ch.Change
	}
	require.Equal(t, map[string]string{
		"/etc/motd": "changed", "/etc/mode": "meta", "/etc/gone.conf": "removed", "/new": "added", "/new/file": "added",
	}, got)
	text := s.ok("diff", host, first)
	require.Equal(t, text, s.ok("diff", host, first, second), "the live data is as in the newest snapshot")
	require.Contains(t, text, "/etc/mode  (mode 0644 to 0600)")
	require.True(t, strings.HasSuffix(text, "2 added (3 B), 1 removed (5 B), 1 changed (5 B), 1 meta (4 B)\n"), text)
	require.Equal(t, "0 added (0 B), 0 removed (0 B), 0 changed (0 B), 0 meta (0 B)\n", s.ok("diff", host, second))
	ask(&changes, "diff", host, first, second, "--path", "/new")
	require.Len(t, changes, 2)

	require.Regexp(t, `(?m)^-rw-r--r-- +\d+:\d+ +5 B  2026-01-03 .* +1  `+second+`$`, s.ok("history", host, "/etc/motd"))

	for _, tc := range []struct {
		code int
		says string
		args []string
	}{
		{exitNotFound, "no snapshot has /nope", []string{"history", host, "/nope"}},
		{exitUsage, "start it with /", []string{"history", host, "etc"}},
		{exitUsage, `".."`, []string{"history", host, "/etc/../root"}},
		{exitUsage, "planb history HOST PATH", []string{"history", host}},
		{exitNotFound, "anything that matches", []string{"find", host, "no-such-name"}},
		{exitNotFound, "anything that matches", []string{"find", host + "@" + second, "gone*"}},
		{exitUsage, "has no ]", []string{"find", host, "[a"}},
		{exitUsage, "--limit", []string{"find", host, "a", "--limit", "0"}},
		{exitFailed, "there are more", []string{"find", host, "*.conf", "--limit", "1"}},
		{exitNotFound, "has no snapshot", []string{"find", host + "@daily-209901010000", "a"}},
		{exitNotFound, "has no snapshot", []string{"diff", host, "daily-209901010000"}},
		{exitNotFound, "has no snapshot", []string{"diff", host, first, "daily-209901010000"}},
		{exitUsage, "planb diff HOST", []string{"diff", host}},
		{exitUsage, "start it with /", []string{"diff", host, first, "--path", "etc"}},
	} {
		status, _, stderr := s.run(tc.args...)
		require.Equal(t, tc.code, status, "%v: %s", tc.args, stderr)
		require.Contains(t, stderr, tc.says)
		require.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
	}
}
