package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"planb/web/static"
	"planb/web/ui"
)

// visit is one request while it is answered.
type visit struct {
	server *Server
	// id finds the request in the log.
	id    string
	ip    string
	frame *ui.Frame
	// have are the paths that there are pages for.
	have    map[string]bool
	written bool
	status  int
	bytes   int64
}

type visitKey struct{}

func visitOf(r *http.Request) *visit {
	v, _ := r.Context().Value(visitKey{}).(*visit)
	return v
}

// securityPolicy lets a page load from this server only: no script or style in
// the page itself, nothing from elsewhere, no frame around it.
const securityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// outermost is around everything: what each answer carries, the log, and an
// answer also for a handler that panics.
func (s *Server) outermost(have map[string]bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		v := &visit{server: s, id: requestID(), ip: s.clientIP(r), have: have, status: http.StatusOK}
		v.frame = &ui.Frame{Path: r.URL.RequestURI(), TemporalUI: s.TemporalUI, Version: s.Version, Now: began, Theme: s.theme(r)}
		r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
		h := w.Header()
		h.Set("Content-Security-Policy", securityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if s.https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		rec := &recorder{ResponseWriter: w, visit: v}
		defer s.logVisit(r, v, began)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.fail(rec, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// logVisit writes one line about a request. Addresses of pages are written
// without their query, which may hold what somebody searched for.
func (s *Server) logVisit(r *http.Request, v *visit, began time.Time) {
	if r.URL.Path == "/healthz" || strings.HasPrefix(r.URL.Path, static.Prefix) {
		return
	}
	who := v.frame.Principal.Name
	if t := v.frame.Principal.Token; t != "" {
		who = "token " + t
	}
	s.Log.Info("request", "request", v.id, "method", r.Method, "path", r.URL.Path, "status", v.status,
		"bytes", v.bytes, "took", s.Now().Sub(began).Round(time.Millisecond), "user", who, "ip", v.ip)
}

func requestID() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails, see its documentation
	return hex.EncodeToString(b)
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	visit *visit
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	if !w.visit.written {
		w.visit.written, w.visit.status = true, status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts what is sent.
func (w *recorder) Write(b []byte) (int, error) {
	w.visit.written = true
	n, err := w.ResponseWriter.Write(b)
	w.visit.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
