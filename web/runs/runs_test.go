package runs_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web"
	"planb/web/webtest"
)

// Ids of runs.
const (
	aaaa = "aaaaaaaa-0000-4000-8000-000000000001"
	bbbb = "bbbbbbbb-0000-4000-8000-000000000002"
	cccc = "cccccccc-0000-4000-8000-000000000003"
	dddd = "dddddddd-0000-4000-8000-000000000004"
	eeee = "eeeeeeee-0000-4000-8000-000000000005"
)

const dataKey = "a key that is as long as the data service wants it"

var web1 = ident.Host{Group: "acme", Name: "web1"}

// site is all pages, with a Temporal that tests tell what to say, and a storage
// server that has the logs of runs in a directory.
type site struct {
	*webtest.Site
	t        *testing.T
	temporal *mocks.Client
	logs     string
	host     catalog.Host
}

func newSite(t *testing.T) *site {
	s := &site{t: t, temporal: &mocks.Client{}, logs: t.TempDir()}
	key, err := dataplane.NewKey([]byte(dataKey))
	require.NoError(t, err)
	data := httptest.NewServer(dataplane.Handler(dataplane.Options{Key: key, RunsDir: s.logs}))
	t.Cleanup(data.Close)
	s.Site = webtest.New(t, func(o *web.Options) {
		o.Temporal, o.DataKey, o.TemporalUI, o.Namespace = s.temporal, dataKey, "http://temporal.example/", "planb"
	})
	ctx := t.Context()
	require.NoError(t, s.Store.UpsertStorage(ctx, catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", DataURL: data.URL, SeenAt: s.Clock.Now()}))
	s.host, err = s.Store.AddHost(ctx, catalog.NewHost{Host: web1, Address: "web1.example", AddGroup: true})
	require.NoError(t, err)
	_, err = s.Store.ClaimDataset(ctx, s.host.ID)
	require.NoError(t, err)
	require.NoError(t, s.Store.MarkDatasetMade(ctx, s.host.ID))
	return s
}

func (s *site) begin(id string) catalog.RunStart {
	r := catalog.RunStart{
		ID: id, WorkflowID: "backup/acme/web1", HostID: s.host.ID, Host: web1, Kind: catalog.KindBackup,
		Trigger: activities.TriggerManual, Started: s.Clock.Now().Add(-10 * time.Minute),
	}
	require.NoError(s.t, s.Store.BeginRun(s.t.Context(), r))
	return r
}

func (s *site) end(r catalog.RunStart, e catalog.RunEnd) {
	e.Finished = r.Started.Add(4 * time.Minute)
	require.NoError(s.t, s.Store.FinishRun(s.t.Context(), r, e))
}

func (s *site) log(run, text string) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.logs, run+".log"), []byte(text), 0o600))
}

// history lets Temporal tell the events of a run.
func (s *site) history(run string, events ...*historypb.HistoryEvent) {
	it := &mocks.HistoryEventIterator{}
	for _, e := range events {
		it.On("HasNext").Return(true).Once()
		it.On("Next").Return(e, nil).Once()
	}
	it.On("HasNext").Return(false)
	s.temporal.On("GetWorkflowHistory", mock.Anything, "backup/acme/web1", run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Return(it)
}

func (s *site) describe(run string, info *workflowservice.DescribeWorkflowExecutionResponse) {
	s.temporal.On("DescribeWorkflowExecution", mock.Anything, "backup/acme/web1", run).Return(info, nil)
}

func running() *workflowservice.DescribeWorkflowExecutionResponse {
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING},
	}
}

func TestFailedRunNamesWhatWentWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.begin(aaaa)
	detail, err := json.Marshal(activities.Outcome{Run: aaaa, Server: "store1", Pull: activities.PullResult{State: "partial", Code: 23, Failed: 2}})
	require.NoError(t, err)
	s.end(r, catalog.RunEnd{State: policy.StatePartial, Message: "2 files could not be read", Remedy: "give the login `remotebackup` the right to read them", Detail: detail})
	s.log(aaaa, "2026-11-24T11:50:00Z changed >f+++++++++ /etc/hosts\n"+
		"2026-11-24T11:50:01Z message rsync: send_files failed to open \"/etc/shadow\": Permission denied (13)\n"+
		"2026-11-24T11:50:02Z message <script>alert(1)</script> \x1b[31m\xff\n2026-11-24T11:50:03Z end partial\n")
	s.history(aaaa)
	a := s.As("vera", "viewer:acme").Get("/runs/" + aaaa)
	require.Equal(t, http.StatusOK, a.Status)
	has(t, a.Body, "2 files could not be read")
	has(t, a.Body, "give the login <code>remotebackup</code> the right")
	has(t, a.Body, "2 messages of rsync")
	has(t, a.Body, "Permission denied (13)")
	has(t, a.Body, `&lt;script&gt;alert(1)&lt;/script&gt; \x1b[31m\xff`, "what a host wrote is shown, not run")
	has(t, a.Body, "partial, exit code 23")
	has(t, a.Body, `href="http://temporal.example/namespaces/planb/workflows/backup%2Facme%2Fweb1/`+aaaa+`/history"`)
	hasNot(t, a.Body, "/cancel", "the run is over, and a viewer would not cancel it")
	hasNot(t, a.Body, "hx-get", "nothing more is to come")

	text := s.SignIn("vera").Get("/runs/" + aaaa + "/log")
	require.Equal(t, "text/plain; charset=utf-8", text.Header.Get("Content-Type"))
	require.Equal(t, 4, strings.Count(text.Body, "\n"))
	has(t, text.Body, `\x1b[31m\xff`)
}

func TestRunUnderWayIsFollowed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.begin(bbbb)
	s.log(bbbb, "2026-11-24T11:50:00Z pull of acme/web1\nhalf a li")
	s.describe(bbbb, running())
	s.history(bbbb)
	reader := s.As("olga", "operator:acme")
	a := reader.Get("/runs/" + bbbb)
	has(t, a.Body, `hx-get="/runs/`+bbbb+`/live"`)
	has(t, a.Body, `hx-get="/runs/`+bbbb+`/log/more?offset=39"`, "the half line is asked for again")
	hasNot(t, a.Body, "half a li")
	has(t, a.Body, `href="/runs/`+bbbb+`/cancel"`)

	s.log(bbbb, "2026-11-24T11:50:00Z pull of acme/web1\nhalf a line\n")
	more := reader.Get("/runs/" + bbbb + "/log/more?offset=39")
	has(t, more.Body, "half a line\n")
	has(t, more.Body, "offset=51")

	reader.Header.Set("HX-Request", "true")
	require.Empty(t, reader.Get("/runs/"+bbbb+"/live").Header.Get("HX-Refresh"))
	s.end(r, catalog.RunEnd{State: policy.StateOK})
	require.Equal(t, "true", reader.Get("/runs/"+bbbb+"/live").Header.Get("HX-Refresh"))
	more = reader.Get("/runs/" + bbbb + "/log/more?offset=51")
	hasNot(t, more.Body, "hx-get", "the run is over and its log is at its end")
}

func TestPageIsThereWhenTemporalAndStorageServerAreNot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begin(cccc)
	s.temporal.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, mock.Anything).Return(nil, serviceerror.NewUnavailable("away"))
	a := s.As("vera", "viewer").Get("/runs/" + cccc)
	require.Equal(t, http.StatusOK, a.Status)
	has(t, a.Body, "Temporal does not answer now")
	has(t, a.Body, "Backup of acme/web1")
}

func TestCancelAsksThenTellsTemporal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.begin(dddd)
	s.temporal.On("CancelWorkflow", mock.Anything, "backup/acme/web1", dddd).Return(nil).Once()
	reader := s.As("olga", "operator:acme")
	has(t, reader.Get("/runs/"+dddd+"/cancel").Body, "no snapshot is taken")
	a := reader.Post("/runs/"+dddd+"/cancel", url.Values{})
	require.Equal(t, http.StatusSeeOther, a.Status)
	require.Equal(t, "/runs/"+dddd, a.Location)
	s.temporal.AssertExpectations(t)

	s.end(r, catalog.RunEnd{State: policy.StateOK})
	a = reader.Post("/runs/"+dddd+"/cancel", url.Values{})
	require.Equal(t, http.StatusConflict, a.Status)
	has(t, a.Body, "he run has ended already, ok")
}

func TestRightsOfRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begin(eeee)
	viewer, other := s.As("vera", "viewer:acme"), s.As("otto", "operator:umbrella")
	for _, path := range []string{"/runs/" + eeee + "/cancel", "/runs/" + eeee + "/now"} {
		require.Equal(t, http.StatusForbidden, viewer.Post(path, url.Values{}).Status, path)
		require.Equal(t, http.StatusNotFound, other.Post(path, url.Values{}).Status, path)
	}
	for _, path := range []string{"/runs/" + eeee, "/runs/" + eeee + "/live", "/runs/" + eeee + "/log", "/runs/" + eeee + "/log/more?offset=0", "/runs/nope"} {
		require.Equal(t, http.StatusNotFound, other.Get(path).Status, path)
	}
	has(t, viewer.Get("/runs").Body, "acme/web1")
	hasNot(t, other.Get("/runs").Body, "acme")
}

func TestListNarrowsAndPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 60 {
		r := catalog.RunStart{
			ID: "ffff-" + string(rune('a'+i/26)) + string(rune('a'+i%26)), WorkflowID: "backup/acme/web1", HostID: s.host.ID, Host: web1,
			Kind: catalog.KindBackup, Trigger: activities.TriggerSchedule, Started: s.Clock.Now().Add(-time.Duration(i) * time.Hour),
		}
		state := policy.StateOK
		if i == 5 {
			state = policy.StateFailed
		}
		require.NoError(t, s.Store.FinishRun(t.Context(), r, catalog.RunEnd{State: state, Finished: r.Started.Add(time.Minute), Message: "disk full"}))
	}
	reader := s.As("vera", "viewer")
	first := reader.Get("/runs")
	require.Equal(t, 50, strings.Count(first.Body, `id="run-`))
	_, rest, found := strings.Cut(first.Body, `rel="next" href="`)
	require.True(t, found)
	next, _, _ := strings.Cut(rest, `"`)
	second := reader.Get(strings.ReplaceAll(next, "&amp;", "&"))
	require.Equal(t, 10, strings.Count(second.Body, `id="run-`))
	hasNot(t, second.Body, "every 10s", "an older page stays as it is")

	failed := reader.Get("/runs?state=failed&host=acme/web1&since=2026-11-24&until=2026-11-24")
	require.Equal(t, 1, strings.Count(failed.Body, `id="run-`))
	has(t, failed.Body, "disk full")
	has(t, reader.Get("/runs?state=cancelled").Body, "No such run")
	bad := reader.Get("/runs?since=yesterday")
	require.Equal(t, http.StatusUnprocessableEntity, bad.Status)
	has(t, bad.Body, "is not a date")
}

// has and hasNot look for text without telling the whole page when it is not as
// it has to be.
func has(t *testing.T, page, text string, why ...any) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "not there: %s %v", text, why)
}

func hasNot(t *testing.T, page, text string, why ...any) {
	t.Helper()
	require.False(t, strings.Contains(page, text), "there: %s %v", text, why)
}
