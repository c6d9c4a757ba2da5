package server

import (
	"context"
	"net/http"
	"net/url"

	"planb/internal/access"
	"planb/internal/catalog"
)

// serve is the one place where it is decided who may do what: for pages and API
// alike, before a handler sees the request.
func (s *Server) serve(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := s.authenticate(w, r)
		if err == nil && !p.SignedIn() && s.trusts(route, r) {
			p = access.Principal{Token: "of a trusted address", Grants: access.Grants{{Role: access.Viewer}}}
		}
		visitOf(r).frame.Principal = p
		if err == nil {
			err = s.authorize(route, p, r)
		}
		switch {
		case err == errSignIn:
			s.askToSignIn(w, r)
			return
		case err != nil:
			s.fail(w, r, err)
			return
		}
		ctx := context.WithValue(r.Context(), principalKey{}, p)
		if p.SignedIn() {
			ctx = catalog.WithActor(ctx, p.Actor())
		}
		if !maySetServerFiles(p) {
			ctx = catalog.WithoutServerFiles(ctx)
		}
		r = r.WithContext(ctx)
		s.prepareFrame(w, r)
		if err := route.Handle(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// authorize gives nil, errSignIn, or why not. Who may not even view a group
// does not learn whether it is there.
func (s *Server) authorize(route Route, p access.Principal, r *http.Request) error {
	if route.open {
		return nil
	}
	if !p.SignedIn() {
		return errSignIn
	}
	scope := access.Everything()
	if route.Scope != nil {
		var err error
		if scope, err = route.Scope(r); err != nil {
			return err
		}
	}
	if p.May(route.Right, scope) {
		return nil
	}
	if scope.Group() != "" && !p.Sees(scope.Group()) {
		return ErrNotFound
	}
	if route.Right == access.Own {
		return Forbidden("A token has no account of its own: sign in as a user.")
	}
	return lacking(route.Right)
}

// maySetServerFiles says whether somebody may change the settings that name
// files on the storage server: only who manages everything.
func maySetServerFiles(p access.Principal) bool { return p.May(access.Manage, access.Everything()) }

// MaySetServerFiles says so of whoever sent the request, for forms; that nobody
// else does is checked in the catalog.
func MaySetServerFiles(r *http.Request) bool { return maySetServerFiles(Who(r)) }

type principalKey struct{}

// Who gives whoever sent the request.
func Who(r *http.Request) access.Principal {
	p, _ := r.Context().Value(principalKey{}).(access.Principal)
	return p
}

// askToSignIn sends a reader to the sign-in page, which leads back here, and
// tells a program that it needs a token.
func (s *Server) askToSignIn(w http.ResponseWriter, r *http.Request) {
	if isAPI(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="PlanB"`)
		s.fail(w, r, &Error{Status: http.StatusUnauthorized, Title: "Not signed in", Text: "Send a token that has not ended: Authorization: Bearer planb_…"})
		return
	}
	next := r.URL.RequestURI()
	if r.Header.Get("HX-Request") == "true" {
		if u, err := url.Parse(r.Header.Get("HX-Current-URL")); err == nil {
			next = u.RequestURI()
		}
	} else if r.Method != http.MethodGet {
		next = "/"
	}
	to := "/sign-in"
	if next = SafePath(next); next != "/" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	if r.Header.Get("HX-Request") == "true" {
		w.Header().Set("HX-Redirect", to)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// Visible is what the reader has right to, for lists of the catalog.
func Visible(r *http.Request, right access.Right) catalog.Visible {
	all, groups := Who(r).Groups(right)
	if all {
		return catalog.Everything()
	}
	return catalog.OnlyGroups(groups...)
}
