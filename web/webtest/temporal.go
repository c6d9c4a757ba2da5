package webtest

import (
	"github.com/stretchr/testify/mock"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/mocks"
)

// AwayTemporal is a Temporal that does not answer, and says so at once.
func AwayTemporal() *mocks.Client {
	away := serviceerror.NewUnavailable("away")
	c := &mocks.Client{}
	c.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, mock.Anything).Return(nil, away)
	c.On("CancelWorkflow", mock.Anything, mock.Anything, mock.Anything).Return(away)
	c.On("SignalWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(away)
	c.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, away)
	c.On("DescribeTaskQueue", mock.Anything, mock.Anything, mock.Anything).Return(nil, away)
	history := &mocks.HistoryEventIterator{}
	history.On("HasNext").Return(true)
	history.On("Next").Return(nil, away)
	c.On("GetWorkflowHistory", mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(history)
	handle := &mocks.ScheduleHandle{}
	handle.On("Describe", mock.Anything).Return(nil, away)
	handle.On("Delete", mock.Anything).Return(away)
	schedules := &mocks.ScheduleClient{}
	schedules.On("GetHandle", mock.Anything, mock.Anything).Return(handle)
	schedules.On("List", mock.Anything, mock.Anything).Return(nil, away)
	c.On("ScheduleClient").Return(schedules)
	return c
}
