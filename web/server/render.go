package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"planb/web/ui"
)

// Render answers with a page, or with a part of one for htmx. It is rendered
// whole before anything is sent, so that an error can still become an error
// page.
func Render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(ui.WithFrame(r.Context(), visitOf(r).frame), &b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // who is gone reads nothing
	return nil
}

// Redirect sends the reader to a page after a change, where text is told once.
// An empty text tells nothing.
func Redirect(w http.ResponseWriter, r *http.Request, to string, tone ui.Tone, text string) error {
	if text != "" {
		visitOf(r).server.setFlash(w, ui.Flash{Tone: tone, Text: text})
	}
	http.Redirect(w, r, SafePath(to), http.StatusSeeOther)
	return nil
}

// SafePath gives path if it is one of this site, else "/": what comes with a
// request must not lead a reader elsewhere. The sign-in leads to no sign-in.
func SafePath(path string) string {
	u, err := url.Parse(path)
	switch {
	case err != nil, u.IsAbs(), u.Host != "", u.User != nil, !strings.HasPrefix(path, "/"), strings.HasPrefix(path, "//"),
		strings.ContainsAny(path, "\\\r\n\t\x00"), len(path) > 2000:
		return "/"
	// Decoded, too: /%2fevil.example may be written anew as //evil.example.
	case strings.HasPrefix(u.Path, "//"), strings.ContainsAny(u.Path, "\\\r\n\t\x00"):
		return "/"
	case u.Path == "/sign-in", u.Path == "/sign-out", u.Path == "/theme":
		return "/"
	}
	return u.RequestURI()
}

const (
	flashSeconds = 60
	themeSeconds = 365 * 24 * 3600
)

func (s *Server) setFlash(w http.ResponseWriter, f ui.Flash) {
	text, err := json.Marshal(f)
	if err != nil {
		return
	}
	s.setCookie(w, "flash", base64.RawURLEncoding.EncodeToString(text), flashSeconds)
}

// prepareFrame reads what the frame of a page shows from the cookies. What was
// told is told once: its cookie ends with the answer.
func (s *Server) prepareFrame(w http.ResponseWriter, r *http.Request) {
	f := visitOf(r).frame
	f.Nav = nil
	for _, n := range ui.Navigation() {
		if visitOf(r).have[n.Href] && f.Principal.May(n.Right, n.Scope) {
			f.Nav = append(f.Nav, n)
		}
	}
	if r.Method != http.MethodGet || r.Header.Get("HX-Request") == "true" || isAPI(r) || f.Flash != nil {
		return
	}
	c, err := r.Cookie(s.cookieName("flash"))
	if err != nil || c.Value == "" {
		return
	}
	s.setCookie(w, "flash", "", -1)
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return
	}
	var flash ui.Flash
	if json.Unmarshal(text, &flash) == nil && flash.Text != "" {
		f.Flash = &flash
	}
}

// cookieName gives the name of a cookie. Over https it has the prefix with which
// browsers let no other site, nor an unencrypted page, set it (RFC 6265bis).
func (s *Server) cookieName(name string) string {
	if name != "" {
		name = "-" + name
	}
	if s.https {
		return "__Host-planb" + name
	}
	return "planb" + name
}

// setCookie sends a cookie that no script reads and no other site sends along
// with a form, in place of one of that name that the answer had already; maxAge
// is in seconds, less than 0 ends the cookie.
func (s *Server) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	h := w.Header()
	name = s.cookieName(name)
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(c string) bool { return strings.HasPrefix(c, name+"=") })
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: s.https, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
