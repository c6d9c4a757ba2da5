package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"planb/internal/access"
	"planb/web/server"
)

// Prefix is where all endpoints begin.
const Prefix = "/api/v1"

// endpoint is one operation: from it come both the route and what the
// description says of it, so that neither can lack what the other has.
type endpoint struct {
	// id names the operation in the description.
	id, method, path, summary string
	right                     access.Right
	scope                     server.ScopeFunc
	query                     []param
	// body is a value of the type that is sent; nil for none.
	body any
	// answer is a value of the type that comes back; nil where it is not JSON
	// but of the type media.
	answer any
	media  string
	handle server.HandlerFunc
}

// param is one parameter of a query.
type param struct {
	name, about string
	// kind is that of JSON Schema.
	kind string
}

func text(name, about string) param { return param{name, about, "string"} }

func number(name, about string) param { return param{name, about, "integer"} }

func truth(name, about string) param { return param{name, about, "boolean"} }

func (e endpoint) route() server.Route {
	route := server.Route{Method: e.method, Pattern: Prefix + e.path, Right: e.right, Scope: e.scope}
	known := map[string]bool{}
	for _, p := range e.query {
		known[p.name] = true
	}
	route.Handle = func(w http.ResponseWriter, r *http.Request) error {
		for name := range r.URL.Query() {
			if !known[name] {
				return bad("There is no parameter " + strconv.Quote(name) + " here: see " + Prefix + "/openapi.json.")
			}
		}
		return e.handle(w, r)
	}
	return route
}

// page is one page of a list.
type page[T any] struct {
	Items []T `json:"items"`
	// Next is what to send as "after" for the next page; null on the last one.
	Next *string `json:"next"`
}

func answerPage[T any](w http.ResponseWriter, items []T, next *string) error {
	if items == nil {
		items = []T{}
	}
	return server.WriteJSON(w, http.StatusOK, page[T]{items, next})
}

// bad is a request that is no good whatever things are like.
func bad(text string) error {
	return &server.Error{Status: http.StatusBadRequest, Title: "Not understood", Text: text}
}

// read reads the body of a request, of which each field has to be known.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil // nothing was sent: all fields as they are
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	if err == nil && d.More() {
		err = errors.New("there is more than one value")
	}
	if err != nil {
		return bad("The body is not the JSON that belongs here: " + strings.TrimPrefix(err.Error(), "json: ") + ".")
	}
	return nil
}

// most is how many things one page gives.
const most = 1000

// limitOf reads the size of a page.
func limitOf(r *http.Request, usual, most int) (int, error) {
	given := r.URL.Query().Get("limit")
	if given == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 || n > most {
		return 0, bad("limit is a number between 1 and " + strconv.Itoa(most) + ".")
	}
	return n, nil
}

// truthOf reads a parameter that is true or false.
func truthOf(r *http.Request, name string) (bool, error) {
	given := r.URL.Query().Get(name)
	if given == "" {
		return false, nil
	}
	v, err := strconv.ParseBool(given)
	if err != nil {
		return false, bad(name + " is true or false.")
	}
	return v, nil
}

// done is the answer to a change that has nothing to tell.
func done(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}
