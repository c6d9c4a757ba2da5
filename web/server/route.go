package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"planb/internal/access"
	"planb/internal/ident"
)

// HandlerFunc answers a request; an error it gives becomes an error page or,
// below /api/, an error in JSON.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// ScopeFunc says what a right is asked for, from the request. Its errors are
// answered like those of a handler.
type ScopeFunc func(r *http.Request) (access.Scope, error)

// Route is one line of the table: who may send what where.
type Route struct {
	Method, Pattern string
	// Right is what a reader needs, within Scope.
	Right access.Right
	// Scope is Everything when it is nil: the strictest.
	Scope  ScopeFunc
	Handle HandlerFunc
	// Trusted are the addresses whose requests may view everything there without
	// a sign-in.
	Trusted []netip.Prefix
	// open is a route for those who have not signed in.
	open bool
}

// Open makes a route that needs no sign-in.
func Open(method, pattern string, h HandlerFunc) Route {
	return Route{Method: method, Pattern: pattern, Handle: h, open: true}
}

// IsOpen says whether anybody may ask.
func (route Route) IsOpen() bool { return route.open }

// Changes says whether the route is for changes.
func (route Route) Changes() bool { return route.Method != http.MethodGet }

// check panics where the route would be one without a check of rights, or one
// that lets a viewer change something.
func (route Route) check() {
	switch {
	case route.open:
	case !slices.Contains(access.Rights(), route.Right):
		panic(fmt.Sprintf("route %s %s needs no right", route.Method, route.Pattern))
	case route.Changes() && route.Right == access.View:
		panic(fmt.Sprintf("route %s %s changes something for those who may only view", route.Method, route.Pattern))
	}
}

// Anything is the scope of lists, whose handler shows each reader the groups
// that Who(r).Groups gives.
func Anything(*http.Request) (access.Scope, error) { return access.Anything(), nil }

// InGroup is the scope of a path with {group}, also of one with {group}/{host}.
func InGroup(r *http.Request) (access.Scope, error) {
	group := r.PathValue("group")
	if err := ident.CheckGroup(group); err != nil {
		return access.Scope{}, ErrNotFound
	}
	return access.OfGroup(group), nil
}

// HostOf gives the host of a path with {group} and {host}.
func HostOf(r *http.Request) (ident.Host, error) {
	h, err := ident.ParseHost(r.PathValue("group") + "/" + r.PathValue("host"))
	if err != nil {
		return h, ErrNotFound
	}
	return h, nil
}

// MetricsPath is where Prometheus asks.
const MetricsPath = "/metrics"

// isAPI says whether programs ask, and get JSON.
func isAPI(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == MetricsPath
}
