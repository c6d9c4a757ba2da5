// Package server is what all pages and the API stand on: the table of routes,
// the one place where rights are checked, sign-in and sessions, and what every
// answer carries. Families of pages give it their routes and use Render,
// Redirect and the errors of this package.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
)

// Catalog is what signing in needs of *catalog.Store.
type Catalog interface {
	BeginSignIn(ctx context.Context, user, ip string, now time.Time) (hash string, err error)
	EndSignIn(ctx context.Context, user, ip string) error
	NoteFailedSignIn(ctx context.Context, user, ip string) error
	RenewPasswordHash(ctx context.Context, user, old, hash string) error
	StartSession(ctx context.Context, user string, in catalog.SignIn) (secret string, err error)
	EndSession(ctx context.Context, user, id string) error
	SessionPrincipal(ctx context.Context, secret string, now time.Time) (access.Principal, bool, error)
	TokenPrincipal(ctx context.Context, secret, ip string, now time.Time) (access.Principal, bool, error)
	UserPrincipal(ctx context.Context, name string) (p access.Principal, hash string, found bool, err error)
}

// Options is what a Server is made of.
type Options struct {
	Catalog   Catalog
	Passwords *access.Passwords
	// URL is where readers find the pages. With https, cookies are sent over
	// TLS only.
	URL string
	// Proxies are the addresses whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// TemporalUI is the address of Temporal's own pages, for links; may be empty.
	TemporalUI string
	Version    string
	Log        *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Server answers requests by a table of routes.
type Server struct {
	Options
	https  bool
	origin string
	basic  basicSignIns
}

// New makes a Server.
func New(o Options) *Server {
	s := &Server{Options: o}
	if u, err := url.Parse(o.URL); err == nil && u.Host != "" {
		s.https = u.Scheme == "https"
		s.origin = u.Scheme + "://" + u.Host
	}
	s.basic.init()
	return s
}

// maxBody bounds what a form or a document sent here may weigh.
const maxBody = 1 << 20

// Handler gives what answers the routes. A table with a mistake panics: it is
// part of the program.
func (s *Server) Handler(routes []Route) http.Handler {
	mux := http.NewServeMux()
	have := map[string]bool{}
	for _, route := range routes {
		route.check()
		mux.Handle(route.Method+" "+route.Pattern, s.serve(route))
		if route.Method == http.MethodGet {
			have[strings.TrimSuffix(route.Pattern, "{$}")] = true
		}
	}
	mux.Handle("/", s.serve(Open("", "/", func(http.ResponseWriter, *http.Request) error {
		return ErrNotFound
	})))
	cross := http.NewCrossOriginProtection()
	if s.origin != "" {
		if err := cross.AddTrustedOrigin(s.origin); err != nil {
			s.Log.Warn("web.url is not an origin", "url", s.URL, "error", err)
		}
	}
	cross.SetDenyHandler(s.serve(Open("", "/", func(http.ResponseWriter, *http.Request) error {
		return Forbidden("The request came from another site, so it was not carried out. If a proxy stands before PlanB, have it pass the Host header on, or set web.url to the address that readers use.")
	})))
	return s.outermost(have, methods(mux, cross.Handler(http.MaxBytesHandler(mux, maxBody))))
}

// methods answers a path that is there, but not for the method, as the mux
// does: the pattern for everything else would hide it.
func methods(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "/" {
			next.ServeHTTP(w, r)
			return
		}
		var allowed []string
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			probe := r.Clone(r.Context())
			probe.Method = m
			if _, pattern := mux.Handler(probe); pattern != "/" && m != r.Method {
				allowed = append(allowed, m)
			}
		}
		if len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			http.Error(w, "this address does not take "+r.Method, http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}
