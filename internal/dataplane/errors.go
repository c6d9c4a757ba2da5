package dataplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"planb/internal/tree"
)

// The kinds of failure that a caller may tell apart with errors.Is.
var (
	ErrBadRequest = errors.New("bad request")
	ErrDenied     = errors.New("denied")
	ErrNotFound   = errors.New("not found")
	// ErrNotReady is an index that has nothing to answer from yet.
	ErrNotReady    = errors.New("not ready")
	ErrUnreachable = errors.New("unreachable")
	// ErrWrongType is a read of something that is not a regular file.
	ErrWrongType = errors.New("wrong type of file")
	// ErrServer is a failure on the storage server, such as a disk error.
	ErrServer = errors.New("storage server error")
)

// Error is a failure of one kind, with the sentence that a person reads.
type Error struct {
	// Kind is one of the errors above.
	Kind    error
	Message string
	// Err is the cause, where there is one on this side.
	Err error
}

// Error gives the sentence.
func (e *Error) Error() string { return e.Message }

// Unwrap gives kind and cause to errors.Is.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

func badRequest(format string, args ...any) error {
	return &Error{Kind: ErrBadRequest, Message: fmt.Sprintf(format, args...)}
}

func denied(format string, args ...any) error {
	return &Error{Kind: ErrDenied, Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &Error{Kind: ErrNotFound, Message: fmt.Sprintf(format, args...)}
}

func wrongType(format string, args ...any) error {
	return &Error{Kind: ErrWrongType, Message: fmt.Sprintf(format, args...)}
}

// treeError gives what is wrong with a path its kind here.
func treeError(err error) error {
	var known *tree.Error
	switch {
	case !errors.As(err, &known):
		return err
	case errors.Is(err, tree.ErrBadPath):
		return &Error{Kind: ErrBadRequest, Message: err.Error(), Err: err}
	case errors.Is(err, tree.ErrNotFound):
		return &Error{Kind: ErrNotFound, Message: err.Error(), Err: err}
	}
	return err
}

// wireError is an error as it travels; Kind is a word of kinds.
type wireError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// kinds gives the word and the HTTP status of each kind that travels.
var kinds = []struct {
	err    error
	word   string
	status int
}{
	{ErrBadRequest, "bad_request", http.StatusBadRequest},
	{ErrDenied, "denied", http.StatusForbidden},
	{ErrNotFound, "not_found", http.StatusNotFound},
	{ErrNotReady, "not_ready", http.StatusServiceUnavailable},
	{ErrWrongType, "wrong_type", http.StatusConflict},
	{ErrServer, "server", http.StatusInternalServerError},
}

// toWire gives the travelling form of any error and its HTTP status.
func toWire(err error) (wireError, int) {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return wireError{Kind: k.word, Message: err.Error()}, k.status
		}
	}
	return wireError{Kind: "server", Message: err.Error()}, http.StatusInternalServerError
}

// fromWire undoes toWire on the caller's side.
func fromWire(w wireError) error {
	for _, k := range kinds {
		if w.Kind == k.word {
			return &Error{Kind: k.err, Message: w.Message}
		}
	}
	return &Error{Kind: ErrServer, Message: w.Message}
}

func writeError(w http.ResponseWriter, err error) int {
	we, status := toWire(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]wireError{"error": we})
	return status
}
