package activities

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
)

// Types of application errors, as recorded in histories. Workflows decide by
// them; retry policies name the permanent ones.
const (
	// ErrTypeRefused is what an operator has to change first: a host that is
	// disabled or gone, a dataset of another host, a pool that is not there.
	ErrTypeRefused = "Refused"
	// ErrTypeNoHost is a host that the catalog does not have: a run of it cannot
	// be recorded.
	ErrTypeNoHost = "NoHost"
	// ErrTypeNoSnapshot is a snapshot that the host does not have.
	ErrTypeNoSnapshot = "NoSnapshot"
	// ErrTypePull is a transfer that no retry would mend.
	ErrTypePull = "PullFailed"
	// ErrTypeTransfer is a transfer that a retry may mend: the network.
	ErrTypeTransfer = "TransferBroken"
	// ErrTypeLocked is a dataset that another process still writes to.
	ErrTypeLocked = "DatasetLocked"
	// ErrTypeStorage is a storage that is not there now: its pool may be.
	ErrTypeStorage = "StorageMissing"
	// ErrTypeShutdown is a worker that was told to stop.
	ErrTypeShutdown = "WorkerShutdown"
	// ErrTypeNoSpace is a pool with no room.
	ErrTypeNoSpace = "NoSpace"
	// ErrTypePost is a receiver that could not take what is billed.
	ErrTypePost = "PostFailed"
	// ErrTypeNotBilled is a day of which something was not posted.
	ErrTypeNotBilled = "NotBilled"
	// ErrTypeVerify is a verification that could not be carried out.
	ErrTypeVerify = "VerifyFailed"
	// ErrTypeHostKey is a host whose key is not the pinned one.
	ErrTypeHostKey = "HostKeyChanged"
	// ErrTypeAuth is a host that refuses the ssh key.
	ErrTypeAuth = "AuthRefused"
)

// permanentTypes are those that are not tried again.
var permanentTypes = []string{ErrTypeRefused, ErrTypeNoHost, ErrTypeNoSnapshot, ErrTypePull, ErrTypeVerify, ErrTypeNoSpace, ErrTypeHostKey, ErrTypeAuth}

// PermanentTypes gives the error types that no retry mends.
func PermanentTypes() []string { return append([]string(nil), permanentTypes...) }

// permanent is an error that ends the run, with a sentence for people and, in
// another, what to do about it.
func permanent(errType, message, remedy string, cause error) error {
	return temporal.NewApplicationErrorWithOptions(message, errType, temporal.ApplicationErrorOptions{
		NonRetryable: true, Cause: cause, Details: []any{remedy},
	})
}

// later is an error that is expected to pass: tried again after delay, or as
// the retry policy says when delay is 0, without alarming anybody.
func later(errType, message string, delay time.Duration, cause error) error {
	return temporal.NewApplicationErrorWithOptions(message, errType, temporal.ApplicationErrorOptions{
		NextRetryDelay: delay, Cause: cause, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

// Message gives the sentence for people inside err: that of the application
// error where there is one, without Temporal's own wrapping.
func Message(err error) string {
	if err == nil {
		return ""
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	if temporal.IsCanceledError(err) {
		return "it was cancelled"
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "no answer in time (" + timeout.TimeoutType().String() + "): is the storage worker running?"
	}
	return err.Error()
}

// Remedy gives what to do about err, or "".
func Remedy(err error) (remedy string) {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.HasDetails() {
		_ = app.Details(&remedy)
	}
	return remedy
}

// ErrType gives the type of the application error inside err, or "".
func ErrType(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Type()
	}
	return ""
}
