package worker

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"planb/activities"
)

// Through the SDK itself, which is free to word its lines anew.
func TestRefusalsAreNoErrorsInTheLog(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err   error
		level string
	}{
		{temporal.NewNonRetryableApplicationError("it is disabled", activities.ErrTypeRefused, nil), "INFO"},
		{temporal.NewNonRetryableApplicationError("the pool is full", activities.ErrTypeNoSpace, nil), "WARN"},
		{temporal.NewNonRetryableApplicationError("unheard of", "Other", nil), "ERROR"},
		{errors.New("the connection is lost"), "ERROR"},
	} {
		var out bytes.Buffer
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(newSDKLogger(slog.New(slog.NewTextHandler(&out, nil))))
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivityWithOptions(func() error { return tc.err }, activity.RegisterOptions{Name: "Do"})
		_, err := env.ExecuteActivity("Do")
		require.Error(t, err)
		require.Contains(t, out.String(), "level="+tc.level+` msg="Activity error."`, tc.err)
	}
}
