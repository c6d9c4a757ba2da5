package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"planb/activities"
)

// A channel that is away for good keeps no other from being told, and what it was
// not told is on record in the end.
func TestDeliverNotice(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(20 * time.Second)
	for name, do := range map[string]any{
		activities.PlanNoticeName:   (*activities.Control)(nil).PlanNotice,
		activities.TellName:         (*activities.Control)(nil).Tell,
		activities.FinishNoticeName: (*activities.Control)(nil).FinishNotice,
	} {
		e.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	const key = "failed/1/1"
	e.OnActivity(activities.PlanNoticeName, mock.Anything, key).Return(activities.NoticePlan{Channels: []string{"away", "ops"}}, nil).Once()
	tries := 0
	e.OnActivity(activities.TellName, mock.Anything, activities.TellInput{Key: key, Channel: "away"}).Return(func(context.Context, activities.TellInput) error {
		tries++
		return errors.New("the mail server does not answer")
	})
	e.OnActivity(activities.TellName, mock.Anything, activities.TellInput{Key: key, Channel: "ops"}).Return(nil).Once()
	e.OnActivity(activities.FinishNoticeName, mock.Anything, key).Return(activities.Told{GaveUp: []string{"away"}}, nil).Once()
	e.ExecuteWorkflow(DeliverNotice, NoticeInput{Key: key})
	require.NoError(t, e.GetWorkflowError())
	var told activities.Told
	require.NoError(t, e.GetWorkflowResult(&told))
	require.Equal(t, []string{"away"}, told.GaveUp)
	require.Greater(t, tries, 5) // the test environment ends them at ten
	e.AssertExpectations(t)
}
