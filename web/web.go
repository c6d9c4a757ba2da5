// Package web serves the pages of PlanB.
package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"planb/internal/catalog"
)

// Fleet is what the pages ask the catalog for.
type Fleet interface {
	Ping(ctx context.Context) error
	Overview(ctx context.Context, f catalog.HostFilter, now time.Time) ([]catalog.HostOverview, error)
}

// Options is what the pages need.
type Options struct {
	// Listen is host:port.
	Listen string
	// User and Password sign in; without a password, only /healthz answers.
	User, Password string
	// TemporalUI is where runs can be watched; empty leaves the link out.
	TemporalUI string
	Fleet      Fleet
	Log        *slog.Logger
	Version    string
}

// Serve answers on o.Listen until ctx ends.
func Serve(ctx context.Context, o Options) error {
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("the web pages cannot listen on %s: choose another web.listen: %w", o.Listen, err)
	}
	server := &http.Server{
		Handler: Handler(o), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(last)
	}()
	o.Log.Info("web pages", "address", "http://"+listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the web pages: %w", err)
	}
	return nil
}

// Handler gives the pages: / for those who sign in, /healthz for anyone.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := o.Fleet.Ping(r.Context()); err != nil {
			o.Log.Warn("not healthy", "error", err)
			http.Error(w, "the catalog does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /{$}", signedIn(o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts, err := o.Fleet.Overview(r.Context(), catalog.HostFilter{}, time.Now())
		if err != nil {
			o.Log.Error("reading the catalog", "error", err)
			http.Error(w, "the catalog does not answer", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := fleetPage(fleetOf(o, hosts)).Render(r.Context(), w); err != nil {
			o.Log.Error("writing the page", "error", err)
		}
	})))
	return secure(mux)
}

// secure sets what every answer carries: nothing from elsewhere, no script,
// no frame.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+styleHash+"'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// signedIn asks for the user and password of the configuration.
func signedIn(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		same := subtle.ConstantTimeCompare([]byte(user), []byte(o.User)) & subtle.ConstantTimeCompare([]byte(password), []byte(o.Password))
		if o.Password == "" || same != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="PlanB", charset="UTF-8"`)
			http.Error(w, "sign in with the user and password of the configuration (web.user, web.password)", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
