package restore_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web"
	"planb/web/webtest"
	"planb/workflows"
)

const (
	dataKey = "a key that is as long as the data service wants it"
	snap    = "daily-202611230130"
	form    = "/hosts/acme/web1/restore"
	dry     = "aaaaaaaa-0000-4000-8000-000000000001"
	other   = "bbbbbbbb-0000-4000-8000-000000000002"
)

var web1 = ident.Host{Group: "acme", Name: "web1"}

type dir string

func (d dir) OpenSnapshot(_ context.Context, _, name string) (dataplane.View, error) {
	if name != snap {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return d, nil
}

func (d dir) Path() string { return string(d) }
func (dir) Close() error   { return nil }

// site is all pages with a Temporal that notes what is started.
type site struct {
	*webtest.Site
	t        *testing.T
	temporal *mocks.Client
	logs     string
	host     catalog.Host
	started  []workflows.RestoreInput
}

func newSite(t *testing.T) *site {
	s := &site{t: t, temporal: &mocks.Client{}, logs: t.TempDir()}
	files := dir(t.TempDir())
	for _, name := range []string{"etc/conf", "odd\n\xff"} {
		full := filepath.Join(string(files), dataplane.DataDir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte("x"), 0o644))
	}
	key, err := dataplane.NewKey([]byte(dataKey))
	require.NoError(t, err)
	srv := httptest.NewServer(dataplane.Handler(dataplane.Options{
		Key: key, Snapshots: files, Storages: []string{"tank/BACKUP"}, RunsDir: s.logs, Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(srv.Close)
	run := &mocks.WorkflowRun{}
	run.On("GetID").Return("restore/acme/web1/1")
	run.On("GetRunID").Return(dry)
	s.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.RestoreHostName, mock.Anything).Return(run, nil).
		Run(func(args mock.Arguments) { s.started = append(s.started, args.Get(3).(workflows.RestoreInput)) })
	s.Site = webtest.New(t, func(o *web.Options) { o.DataKey, o.Temporal = dataKey, s.temporal })
	ctx := t.Context()
	require.NoError(t, s.Store.UpsertStorage(ctx, catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", DataURL: srv.URL, SeenAt: s.Clock.Now()}))
	s.host, err = s.Store.AddHost(ctx, catalog.NewHost{Host: web1, Address: "web1.example", AddGroup: true})
	require.NoError(t, err)
	_, err = s.Store.AddHost(ctx, catalog.NewHost{Host: ident.Host{Group: "umbrella", Name: "db"}, Address: "db.example", AddGroup: true})
	require.NoError(t, err)
	_, err = s.Store.ClaimDataset(ctx, s.host.ID)
	require.NoError(t, err)
	require.NoError(t, s.Store.MarkDatasetMade(ctx, s.host.ID))
	require.NoError(t, s.Store.ReplaceSnapshots(ctx, s.host.ID, []catalog.Snapshot{{Name: snap, Created: s.Clock.Now(), State: policy.StateOK}}, s.Clock.Now()))
	return s
}

// previewed puts a restore on record that was asked to do in, and its log.
func (s *site) previewed(id string, in workflows.RestoreInput, state, log string) {
	r := catalog.RunStart{
		ID: id, WorkflowID: "restore/acme/web1/1", HostID: s.host.ID, Host: web1, Kind: catalog.KindRestore,
		Trigger: activities.TriggerManual, Started: s.Clock.Now(),
	}
	require.NoError(s.t, s.Store.FinishRun(s.t.Context(), r, catalog.RunEnd{
		State: state, Finished: s.Clock.Now(), Snapshot: snap, Detail: []byte(`{"restored":{"new":1,"overwritten":1,"deleted":1}}`),
	}))
	require.NoError(s.t, os.WriteFile(filepath.Join(s.logs, id+".log"), []byte(log), 0o600))
	input, err := converter.GetDefaultDataConverter().ToPayloads(in)
	require.NoError(s.t, err)
	it := func() *mocks.HistoryEventIterator {
		it := &mocks.HistoryEventIterator{}
		it.On("HasNext").Return(true)
		it.On("Next").Return(&historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
				WorkflowType: &commonpb.WorkflowType{Name: workflows.RestoreHostName}, Input: input,
			},
		}}, nil)
		return it
	}
	s.temporal.On("GetWorkflowHistory", mock.Anything, "restore/acme/web1/1", id, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Return(it())
}

func has(t *testing.T, page, text string, why ...any) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "not there: %s %v", text, why)
}

func TestFormStartsAPreviewOfJustWhatWasChosen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	reader := s.As("rita", "restorer:acme")
	odd := url.PathEscape("/odd\n\xff")
	page := reader.Get(form + "?path=/etc&enc=" + url.QueryEscape(odd))
	has(t, page.Body, `/odd\n\xff`)
	has(t, page.Body, `value="`+odd+`"`)
	a := reader.Post(form, url.Values{
		"snap": {snap}, "enc": {"%2Fetc", odd}, "more": {"/etc/conf"}, "target": {"dir"}, "dir": {"case-7"}, "overwrite": {"1"}, "do": {"preview"},
	})
	require.Equal(t, http.StatusSeeOther, a.Status, a.Body)
	require.Equal(t, form+"/"+dry, a.Location)
	require.Equal(t, []workflows.RestoreInput{{
		Host: web1, Snapshot: snap, Paths: activities.Paths{"/etc", "/odd\n\xff", "/etc/conf"}, To: "/srv/restored/acme@case-7",
		Overwrite: true, DryRun: true, Actor: "rita (web)",
	}}, s.started)
	has(t, reader.Get(a.Location).Body, "It is being started")
}

func TestFormIsKeptWhenItIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	reader, admin := s.As("rita", "restorer:acme"), s.As("alice", "admin")
	good := url.Values{"snap": {snap}, "enc": {"%2Fetc"}, "target": {"dir"}, "dir": {"case-7"}, "do": {"start"}}
	for name, c := range map[string]struct {
		who   *webtest.Reader
		field url.Values
		told  string
	}{
		"no path":            {reader, url.Values{"enc": nil}, "Say what to restore"},
		"a path not there":   {reader, url.Values{"enc": {"%2Fnope"}}, "has no /nope"},
		"no such snapshot":   {reader, url.Values{"snap": {"daily-202611010130"}}, "Choose the snapshot"},
		"a place of its own": {reader, url.Values{"dir": {"/etc"}}, "/srv/restored/acme@NAME"},
		"out of the place":   {reader, url.Values{"dir": {"../x"}}, "/srv/restored/acme@NAME"},
		"below a link":       {reader, url.Values{"dir": {"case-7/etc"}}, "/srv/restored/acme@NAME"},
		"archive and delete": {reader, url.Values{"target": {"tar"}, "tar": {"a.tar"}, "delete": {"1"}}, "does not go with an archive"},
		"a foreign host":     {reader, url.Values{"target": {"host"}, "to_host": {"umbrella/db"}}, "no host umbrella/db that you may restore to"},
		"an unknown host":    {reader, url.Values{"target": {"host"}, "to_host": {"umbrella/none"}}, "no host umbrella/none that you may restore to"},
		"a bad prefix":       {admin, url.Values{"target": {"host"}, "to_host": {"acme/web1"}, "prefix": {"/a b"}}, "is not usable"},
		"the root":           {admin, url.Values{"dir": {"/"}}, "Give an absolute path"},
	} {
		filled := url.Values{}
		for k, v := range good {
			filled[k] = v
		}
		for k, v := range c.field {
			filled[k] = v
		}
		a := c.who.Post(form, filled)
		require.Equal(t, http.StatusUnprocessableEntity, a.Status, name)
		has(t, a.Body, c.told, name)
		has(t, a.Body, `value="`+strings.ReplaceAll(filled.Get("dir"), "&", "&amp;")+`"`, name)
	}
	require.Empty(t, s.started)
	a := admin.Post(form, url.Values{"snap": {snap}, "enc": {"%2Fetc"}, "target": {"tar"}, "tar": {"/mnt/x.tar.zst"}, "do": {"start"}})
	require.Equal(t, http.StatusSeeOther, a.Status)
	require.Equal(t, "/mnt/x.tar.zst", s.started[0].Tar)
	require.False(t, s.started[0].DryRun)
}

func TestWhatTakesAwayFromAHostIsPreviewedFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	reader := s.As("rita", "restorer:acme")
	a := reader.Post(form, url.Values{"snap": {snap}, "enc": {"%2Fetc"}, "target": {"host"}, "to_host": {"acme/web1"}, "delete": {"1"}, "do": {"start"}})
	require.Equal(t, http.StatusSeeOther, a.Status)
	require.True(t, s.started[0].DryRun)

	s.previewed(dry, s.started[0], policy.StateOK,
		"2026-11-24T12:00:00Z new 5 /etc/new\n2026-11-24T12:00:00Z deleted 0 /etc/<b>gone\n2026-11-24T12:00:00Z message no change\n")
	page := reader.Get(a.Location)
	has(t, page.Body, "This replaces or deletes files on a host")
	has(t, page.Body, "/etc/new")
	has(t, page.Body, "/etc/&lt;b&gt;gone")
	has(t, page.Body, "delete 1 entry on acme/web1")
	has(t, page.Body, "1 more are not listed")
	a = reader.Post(form+"/"+dry, url.Values{})
	require.Equal(t, http.StatusSeeOther, a.Status, a.Body)
	want := s.started[0]
	want.DryRun = false
	require.Equal(t, want, s.started[1])
}

func TestOnlyAPreviewThatEndedWellIsCarriedOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	reader := s.As("rita", "restorer:acme")
	in := workflows.RestoreInput{Host: web1, Snapshot: snap, Paths: activities.Paths{"/etc"}, To: "/srv/restored/acme@x", DryRun: true}
	s.previewed(dry, in, policy.StateFailed, "")
	require.Equal(t, http.StatusConflict, reader.Post(form+"/"+dry, url.Values{}).Status)

	in.To = "/etc"
	s.previewed(other, in, policy.StateOK, "")
	a := reader.Post(form+"/"+other, url.Values{})
	require.Equal(t, http.StatusForbidden, a.Status, "what an admin has previewed is not for all to start")
	require.Empty(t, s.started)
}

func TestRights(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	viewer, stranger := s.As("vera", "viewer:acme", "operator:acme"), s.As("otto", "admin:umbrella")
	s.previewed(dry, workflows.RestoreInput{Host: web1, Snapshot: snap, DryRun: true}, policy.StateOK, "")
	for _, path := range []string{form, form + "/" + dry} {
		require.Equal(t, http.StatusForbidden, viewer.Get(path).Status, path)
		require.Equal(t, http.StatusForbidden, viewer.Post(path, url.Values{}).Status, path)
		require.Equal(t, http.StatusNotFound, stranger.Get(path).Status, path)
		require.Equal(t, http.StatusNotFound, stranger.Post(path, url.Values{}).Status, path)
	}
	// A run of one host is none of another, whose group the reader may restore.
	require.Equal(t, http.StatusNotFound, stranger.Get("/hosts/umbrella/db/restore/"+dry).Status)
	require.Empty(t, s.started)
}
