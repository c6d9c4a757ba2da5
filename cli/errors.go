package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Exit statuses, the same for every command.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
	exitRefused  = 4
)

// statusError is an error with the exit status it asks for.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &statusError{exitUsage, fmt.Errorf(format, args...)}
}

func usageError(err error) error { return &statusError{exitUsage, err} }

func notFoundf(format string, args ...any) error {
	return &statusError{exitNotFound, fmt.Errorf(format, args...)}
}

func refusedf(format string, args ...any) error {
	return &statusError{exitRefused, fmt.Errorf(format, args...)}
}

// errSilent ends a command with exitFailed after it has said all there is.
var errSilent = errors.New("")

// report prints err, one line for each of those joined in it, and gives the exit status.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	if !errors.Is(err, errSilent) {
		text := err.Error()
		if errors.Is(err, context.Canceled) {
			text = "interrupted"
		}
		fmt.Fprintln(a.stderr, "planb: "+strings.ReplaceAll(text, "\n", "\nplanb: "))
	}
	return status(err)
}

// status maps an error to the exit status it asks for.
func status(err error) int {
	var s *statusError
	if errors.As(err, &s) {
		return s.status
	}
	if code, ok := remoteStatus(err); ok {
		return code
	}
	return catalogStatus(err)
}
