package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"planb/activities"
	"planb/web"
	"planb/web/api"
	"planb/web/webtest"
)

// How a run does is told to those who see its host, by the id of that host's
// runs alone.
func TestFollowTellsOfRunsOfTheHostAlone(t *testing.T) {
	t.Parallel()
	tc := &mocks.Client{}
	under := &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{},
		PendingActivities: []*workflowpb.PendingActivityInfo{
			{ActivityType: &commonpb.ActivityType{Name: activities.PullName}, Attempt: 2},
		},
	}
	ended := &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{CloseTime: timestamppb.Now()},
	}
	tc.On("DescribeWorkflowExecution", mock.Anything, "rename/acme/web1", "under").Return(under, nil)
	for _, id := range []string{"well", "refused", "missing", "badly"} {
		tc.On("DescribeWorkflowExecution", mock.Anything, "rename/acme/web1", id).Return(ended, nil)
		run := &mocks.WorkflowRun{}
		tc.On("GetWorkflow", mock.Anything, "rename/acme/web1", id).Return(run)
		var err error
		switch id {
		case "refused":
			err = temporal.NewNonRetryableApplicationError("it is removed now", activities.ErrTypeRefused, nil, "wait")
		case "missing":
			err = temporal.NewNonRetryableApplicationError("there is no host", activities.ErrTypeNoHost, nil)
		case "badly":
			err = temporal.NewNonRetryableApplicationError("the pool is away", activities.ErrTypeStorage, nil)
		}
		run.On("Get", mock.Anything, mock.Anything).Return(err).Run(func(args mock.Arguments) {
			*args.Get(1).(*json.RawMessage) = json.RawMessage(`{"dataset":"tank/acme/www","moved":true}`)
		})
	}
	s := webtest.New(t, func(o *web.Options) { o.Temporal = tc })
	d := described(t, s)
	viewer, other := as(t, s, "v", "viewer:acme"), as(t, s, "o", "viewer:other")
	ask := func(who *webtest.Reader, host, workflow, run string) (int, api.Followed) {
		t.Helper()
		a := who.Get(api.Prefix + "/hosts/" + host + "/follow?" + url.Values{"workflow_id": {workflow}, "run": {run}}.Encode())
		fits(t, d, http.MethodGet, api.Prefix+"/hosts/{group}/{host}/follow", a)
		var f api.Followed
		if a.Status == http.StatusOK {
			require.NoError(t, json.Unmarshal([]byte(a.Body), &f))
		}
		return a.Status, f
	}
	const rename = "rename/acme/web1"
	status, f := ask(viewer, "acme/web1", rename, "under")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, api.Followed{Activity: activities.PullName, Attempt: 2, Waiting: true}, f)
	_, f = ask(viewer, "acme/web1", rename, "well")
	require.True(t, f.Ended)
	require.Nil(t, f.Error)
	require.JSONEq(t, `{"dataset":"tank/acme/www","moved":true}`, string(f.Result))
	for run, want := range map[string]api.FollowedError{
		"refused": {Code: api.CodeConflict, Text: "it is removed now: wait"},
		"missing": {Code: api.CodeNotFound, Text: "there is no host"},
		"badly":   {Code: api.CodeFailed, Text: "the pool is away"},
	} {
		_, f = ask(viewer, "acme/web1", rename, run)
		require.Equal(t, &want, f.Error)
	}

	status, _ = ask(other, "acme/web1", rename, "well")
	require.Equal(t, http.StatusNotFound, status)
	for _, workflow := range []string{rename, "rename/other/web1x", "other/other/web1", "datasets/other/web1", "other/web1", ""} {
		status, _ = ask(other, "other/web1", workflow, "well")
		require.Equal(t, http.StatusBadRequest, status, workflow)
	}
	status, _ = ask(viewer, "acme/web1", rename, "")
	require.Equal(t, http.StatusBadRequest, status)
}
