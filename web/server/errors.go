package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/ui"
	"planb/worker"
	"planb/worker/operate"
)

// Error is an answer that is not what was asked for.
type Error struct {
	// Status is that of HTTP.
	Status int
	// Title says what happened; Text is a sentence with what to do.
	Title, Text string
}

// Error gives title and text.
func (e *Error) Error() string { return e.Title + ": " + e.Text }

// ErrNotFound is a page that is not there, or not for this reader.
var ErrNotFound = &Error{http.StatusNotFound, "Not found", "There is no such page, or it is about something that is gone or that you have no right to see."}

var errSignIn = errors.New("not signed in")

// Forbidden is a request that the reader has no right to.
func Forbidden(text string) error {
	return &Error{http.StatusForbidden, "Not allowed", text}
}

// Refused is a request that cannot be carried out as things are now.
func Refused(text string) error {
	return &Error{http.StatusConflict, "Not now", text}
}

// Invalid is a request with a value that is not allowed.
func Invalid(text string) error {
	return &Error{http.StatusUnprocessableEntity, "Not understood", text}
}

func lacking(right access.Right) error {
	for _, role := range access.Roles() {
		for _, r := range role.Rights() {
			if r == right {
				return Forbidden(fmt.Sprintf("This takes the right to %s, which the role %s gives: ask an admin for it.", right, role))
			}
		}
	}
	return Forbidden("Nobody may do this.")
}

// Told gives the sentence of an error that a person caused and can mend, for
// forms that show it beside the field; ok is false for all other errors.
func Told(err error) (text string, ok bool) {
	e := explain(err)
	return e.Text, e.Status < http.StatusInternalServerError && e.Status != http.StatusNotFound
}

// sentence writes the text of an error as a page does.
func sentence(err error) string {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

// explain gives the answer for an error; 500 is one that nobody foresaw.
func explain(err error) *Error {
	var told *Error
	var name *ident.Error
	var setting *policy.Error
	var refused *access.Error
	var large *http.MaxBytesError
	var running *worker.AlreadyRunningError
	var away *operate.UnavailableError
	switch {
	case errors.As(err, &told):
		return told
	case catalog.IsNotFound(err):
		return &Error{http.StatusNotFound, "Not found", sentence(err)}
	case catalog.IsForbidden(err):
		return &Error{http.StatusForbidden, "Not allowed", sentence(err)}
	case catalog.IsRefused(err), catalog.IsExists(err), catalog.IsBusy(err):
		return &Error{http.StatusConflict, "Not now", sentence(err)}
	case errors.As(err, &running):
		return &Error{http.StatusConflict, "Under way already", err.Error()}
	case errors.As(err, &away):
		return &Error{http.StatusServiceUnavailable, "Temporal does not answer", away.Error()}
	case errors.Is(err, dataplane.ErrNotFound):
		return &Error{http.StatusNotFound, "Not found", err.Error()}
	case errors.Is(err, dataplane.ErrBadRequest), errors.Is(err, dataplane.ErrWrongType):
		return &Error{http.StatusUnprocessableEntity, "Not understood", err.Error()}
	case errors.Is(err, dataplane.ErrUnreachable):
		return &Error{http.StatusServiceUnavailable, "The storage server does not answer", err.Error()}
	case catalog.IsLocked(err):
		return &Error{http.StatusTooManyRequests, "Too many tries", sentence(err)}
	case catalog.IsInvalid(err), errors.As(err, &name), errors.As(err, &setting), errors.As(err, &refused):
		return &Error{http.StatusUnprocessableEntity, "Not understood", sentence(err)}
	case errors.As(err, &large):
		return &Error{http.StatusRequestEntityTooLarge, "Too large", "What was sent is larger than PlanB takes."}
	case catalog.IsUnavailable(err):
		return &Error{http.StatusServiceUnavailable, "The catalog does not answer", "PlanB cannot reach its database now. Backups that are under way go on. Try again in a moment; if it stays away, see `systemctl status postgresql` on its server."}
	}
	return &Error{http.StatusInternalServerError, "Something went wrong", "This is a fault of PlanB, not yours. Try again; if it happens again, look into the log of `planb web` for the number below."}
}

// fail answers with an error, and logs what is ours to mend.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is there to be told
	}
	e := explain(err)
	v := visitOf(r)
	fault := ui.Fault{Status: e.Status, Title: e.Title, Text: e.Text}
	if e.Status >= http.StatusInternalServerError {
		fault.ID = v.id
		s.Log.Error("answering a request", "request", v.id, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if v.written {
		return // too late for another answer
	}
	w.Header().Set("Cache-Control", "no-store")
	if isAPI(r) {
		_ = WriteJSON(w, e.Status, map[string]any{"error": map[string]any{"code": code(e.Status), "title": e.Title, "text": e.Text, "request": v.id}})
		return
	}
	s.prepareFrame(w, r)
	if err := Render(w, r, e.Status, ui.FaultPage(fault)); err != nil {
		s.Log.Error("writing an error page", "request", v.id, "error", err)
	}
}

// code names the kind of an error for programs.
func code(status int) string {
	return strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who is gone reads nothing
	return nil
}
