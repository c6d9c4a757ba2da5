package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/policy"
)

const (
	lsRun = "0190a5f0-7c6e-7b3e-9c1e-2f5d3c4b5a69"
	lsKey = "a key for tests, long enough to be one"
)

// trees are directories that stand for snapshots, by the snapshot's name.
type trees map[string]string

func (d trees) OpenSnapshot(_ context.Context, _, snap string) (dataplane.View, error) {
	if d[snap] == "" {
		return nil, fs.ErrNotExist
	}
	return openTree(d[snap]), nil
}

type openTree string

func (v openTree) Path() string { return string(v) }
func (openTree) Close() error   { return nil }

// shelf is a host with three snapshots behind a real catalog and data service.
type shelf struct {
	store *catalog.Store
	srv   *httptest.Server
	env   []string
	runs  string
	host  catalog.Host
	trees trees
}

func newShelf(t *testing.T) shelf {
	t.Helper()
	ctx, url := t.Context(), catalogtest.URL(t)
	_, _, err := catalog.Migrate(ctx, url)
	require.NoError(t, err)
	store, err := catalog.Open(ctx, url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	s := shelf{store: store, runs: t.TempDir(), trees: trees{}, env: []string{
		"PLANB_DATABASE_URL=" + url, "PLANB_DATA_KEY=" + lsKey, "PLANB_STATE=" + t.TempDir(),
	}}
	key, err := dataplane.NewKey([]byte(lsKey))
	require.NoError(t, err)
	s.srv = httptest.NewServer(dataplane.Handler(dataplane.Options{
		Key: key, Snapshots: s.trees, Storages: []string{"tank/BACKUP"}, RunsDir: s.runs,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}))
	t.Cleanup(s.srv.Close)
	require.NoError(t, store.UpsertStorage(ctx, catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", DataURL: s.srv.URL, SeenAt: time.Now()}))
	s.host, err = store.AddHost(ctx, catalog.NewHost{
		Host: ident.Host{Group: "acme", Name: "web1"}, Address: "web1.acme.example", AddGroup: true,
	})
	require.NoError(t, err)
	_, err = store.ClaimDataset(ctx, s.host.ID)
	require.NoError(t, err)
	require.NoError(t, store.MarkDatasetMade(ctx, s.host.ID))
	var snaps []catalog.Snapshot
	for name, state := range map[string]string{
		"daily-202611190130": policy.StateOK, "daily-202611200130": policy.StateWarning, "daily-202611210130": policy.StatePartial,
	} {
		view := t.TempDir()
		s.trees[name] = view
		require.NoError(t, os.MkdirAll(filepath.Join(view, dataplane.DataDir, "etc"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(view, dataplane.DataDir, "etc", name+"\n"), []byte("12345"), 0o640))
		created, err := time.Parse("200601021504", strings.TrimPrefix(name, "daily-"))
		require.NoError(t, err)
		snaps = append(snaps, catalog.Snapshot{Name: name, Created: created, State: catalog.Text(state), Tiers: []string{"daily"}})
	}
	require.NoError(t, store.ReplaceSnapshots(ctx, s.host.ID, snaps, time.Now()))
	return s
}

// planb runs one command and gives its output and exit status.
func (s shelf) planb(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, environ: s.env}
	code = a.run(ctx, append([]string{"planb"}, args...))
	return out.String(), errs.String(), code
}

func TestLs(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	out, errs, code := s.planb(t.Context(), "ls", "acme/web1", "/etc")
	require.Zero(t, code, errs)
	require.Contains(t, out, "-rw-r-----")
	require.Contains(t, out, `daily-202611200130\n`, "the newest good one, its name escaped")
	for target, want := range map[string]string{
		"acme/web1":                    "daily-202611200130\n",
		"acme/web1@2026-11-19":         "daily-202611190130\n",
		"acme/web1@2026-12-31":         "daily-202611200130\n",
		"acme/web1@daily-202611210130": "daily-202611210130\n",
	} {
		out, errs, code := s.planb(t.Context(), "ls", target, "/etc", "--json")
		require.Zero(t, code, errs)
		var entries []dataplane.Entry
		require.NoError(t, json.Unmarshal([]byte(out), &entries))
		require.Len(t, entries, 1)
		require.Equal(t, want, entries[0].RawName(), target)
		require.EqualValues(t, 5, entries[0].Size)
	}
	out, _, code = s.planb(t.Context(), "ls", "acme/web1")
	require.Zero(t, code)
	require.Regexp(t, `(?m)^drwxr-xr-x .* etc$`, out)
	for _, tc := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"ls", "acme/web1", "/nope"}, exitNotFound, "there is no /nope"},
		{[]string{"ls", "acme/web2"}, exitNotFound, "acme/web2"},
		{[]string{"ls", "acme/web1@daily-209901010000"}, exitNotFound, "has no snapshot"},
		{[]string{"ls", "acme/web1@2026-11-18"}, exitNotFound, "no good snapshot up to"},
		{[]string{"ls", "acme/web1", "etc"}, exitUsage, "start it with /"},
		{[]string{"ls", "acme/web1", "/etc/../root"}, exitUsage, `".."`},
		{[]string{"ls"}, exitUsage, "planb ls HOST"},
	} {
		_, errs, code := s.planb(t.Context(), tc.args...)
		require.Equal(t, tc.code, code, "%v: %s", tc.args, errs)
		require.Contains(t, errs, tc.text)
		require.Equal(t, 1, strings.Count(errs, "\n"), "one line: %s", errs)
	}
	delete(s.trees, "daily-202611200130")
	_, errs, code = s.planb(t.Context(), "ls", "acme/web1")
	require.Equal(t, exitNotFound, code, errs)
	s.srv.Close()
	_, errs, code = s.planb(t.Context(), "ls", "acme/web1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "the storage worker of server store1 does not answer")
}

func TestRunLog(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	file := filepath.Join(s.runs, lsRun+".log")
	start := catalog.RunStart{
		ID: lsRun, WorkflowID: "backup/acme/web1", HostID: s.host.ID, Host: s.host.Ident(),
		Kind: catalog.KindBackup, Trigger: "manual", Started: time.Now(),
	}
	require.NoError(t, s.store.BeginRun(t.Context(), start))
	_, errs, code := s.planb(t.Context(), "run", "log", lsRun)
	require.Equal(t, exitNotFound, code, errs)
	require.NoError(t, os.WriteFile(file, []byte("one\ttab\n\x1b[31mred\npart"), 0o600))
	out, errs, code := s.planb(t.Context(), "run", "log", lsRun[:8])
	require.Zero(t, code, errs)
	require.Equal(t, "one\ttab\n\\x1b[31mred\npart", out)

	var follow sync.WaitGroup
	var followed string
	follow.Go(func() { followed, _, code = s.planb(t.Context(), "run", "log", lsRun, "--follow") })
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("ial\nlast\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, s.store.FinishRun(t.Context(), start, catalog.RunEnd{State: policy.StateOK, Finished: time.Now()}))
	follow.Wait()
	require.Zero(t, code)
	require.Equal(t, "one\ttab\n\\x1b[31mred\npartial\nlast\n", followed)

	_, _, code = s.planb(t.Context(), "run", "log", "ffffffff")
	require.Equal(t, exitNotFound, code)
	_, _, code = s.planb(t.Context(), "run", "log")
	require.Equal(t, exitUsage, code)
}
