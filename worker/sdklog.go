package worker

import (
	"log/slog"
	"slices"

	sdklog "go.temporal.io/sdk/log"

	"planb/activities"
)

// sdkLogger is what the SDK logs to. It tells of each activity that failed as
// an error; that a person was refused something, or that a run ended for a
// reason which is on record with it, is none of the program.
type sdkLogger struct{ sdklog.Logger }

func newSDKLogger(log *slog.Logger) sdklog.Logger {
	return sdkLogger{sdklog.NewStructuredLogger(log)}
}

// Error implements log.Logger.
func (l sdkLogger) Error(msg string, keyvals ...any) {
	switch errType := activityError(msg, keyvals); {
	case errType == activities.ErrTypeRefused, errType == activities.ErrTypeNoHost, errType == activities.ErrTypeNoSnapshot:
		l.Logger.Info(msg, keyvals...)
	case slices.Contains(activities.PermanentTypes(), errType):
		l.Logger.Warn(msg, keyvals...)
	default:
		l.Logger.Error(msg, keyvals...)
	}
}

// activityError gives the type of the error that a line about an activity tells.
func activityError(msg string, keyvals []any) string {
	if msg != "Activity error." {
		return ""
	}
	for i := 0; i+1 < len(keyvals); i += 2 {
		if err, ok := keyvals[i+1].(error); ok && keyvals[i] == "Error" {
			return activities.ErrType(err)
		}
	}
	return ""
}
