package api

import (
	"encoding/json"
	"net/http"

	"planb/activities"
	"planb/internal/access"
	"planb/web/server"
	"planb/worker/operate"
	"planb/workflows"
)

// Begun is a run that has begun; null where there was nothing to wait for, and
// all is done.
type Begun struct {
	Run        *string `json:"run"`
	WorkflowID *string `json:"workflow_id"`
}

// Followed is how a run does, and once it has ended what came of it.
type Followed struct {
	Ended bool `json:"ended"`
	// Activity is the step under way, Attempt how often it was tried, Failure how
	// the last try ended; Waiting says that no worker has taken it yet.
	Activity string `json:"activity,omitempty"`
	Attempt  int32  `json:"attempt,omitempty"`
	Failure  string `json:"failure,omitempty"`
	Waiting  bool   `json:"waiting,omitempty"`
	// Progress is that of a transfer under way.
	Progress *activities.Progress `json:"progress,omitempty"`
	// Error is why a run ended badly.
	Error *FollowedError `json:"error,omitempty"`
	// Result is what a run that ended well gave.
	Result json.RawMessage `json:"result,omitempty"`
}

// FollowedError is why a run ended badly.
type FollowedError struct {
	// Code is not_found, conflict or failed.
	Code string `json:"code"`
	// Text is a sentence with what to do.
	Text string `json:"text"`
}

// The codes of FollowedError.
const (
	CodeNotFound = "not_found"
	CodeConflict = "conflict"
	CodeFailed   = "failed"
)

func (a API) follows() []endpoint {
	return []endpoint{{
		id: "followRun", method: http.MethodGet, path: "/hosts/{group}/{host}/follow",
		summary: "See how a run does that was begun for the host, also one that is not listed among the runs, and what came of it",
		right:   access.View, scope: server.InGroup, answer: Followed{}, handle: a.follow,
		query: []param{text("workflow_id", "as the answer that began it gave it"), text("run", "as the answer that began it gave it")},
	}}
}

// follow needs no host to be there: it may just have been renamed or removed.
func (a API) follow(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	b := operate.Begun{WorkflowID: r.URL.Query().Get("workflow_id"), Run: r.URL.Query().Get("run")}
	if b.Run == "" || !workflows.IsOf(b.WorkflowID, host) {
		return bad("workflow_id and run are those of a run that was begun for " + host.String() + ".")
	}
	var result json.RawMessage
	out, err := a.Operator.Outcome(r.Context(), b, &result)
	if err != nil {
		return err
	}
	f := Followed{
		Ended: out.Ended, Activity: out.Activity, Attempt: out.Attempt, Failure: out.Failure,
		Waiting: out.Waiting, Progress: out.Progress, Result: result,
	}
	if out.Failed != nil {
		f.Error = followedError(out.Failed)
	}
	return server.WriteJSON(w, http.StatusOK, f)
}

func followedError(err error) *FollowedError {
	e := &FollowedError{Code: CodeFailed, Text: activities.Message(err)}
	if remedy := activities.Remedy(err); remedy != "" {
		e.Text += ": " + remedy
	}
	switch activities.ErrType(err) {
	case activities.ErrTypeNoSnapshot, activities.ErrTypeNoHost:
		e.Code = CodeNotFound
	case activities.ErrTypeRefused:
		e.Code = CodeConflict
	}
	return e
}

// begun answers with what has begun, or is done.
func begun(w http.ResponseWriter, b operate.Begun, err error) error {
	if err != nil {
		return err
	}
	var answer Begun
	if b.Run != "" {
		answer = Begun{Run: &b.Run, WorkflowID: &b.WorkflowID}
	}
	return server.WriteJSON(w, http.StatusOK, answer)
}
