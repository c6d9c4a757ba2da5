package server

import (
	"net/http"

	"planb/web/ui"
)

// Changed leads to a page after a change that the catalog has; done tells it
// in a sentence. err is what Temporal said to the schedules that follow from it:
// the change stands also without, so that it is only told.
func Changed(w http.ResponseWriter, r *http.Request, to, done string, err error) error {
	if err == nil {
		return Redirect(w, r, to, ui.Good, done)
	}
	visitOf(r).server.Log.Warn("schedules do not follow a change yet", "path", r.URL.Path, "error", err)
	return Redirect(w, r, to, ui.Warn, done+" Temporal did not take the schedules over yet: they follow by themselves within ten minutes of its return.")
}
