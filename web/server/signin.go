package server

import (
	"context"
	"net/http"
	"strings"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/ui"
)

// SignInRoutes are the sign-in, the way out, and the colours.
func (s *Server) SignInRoutes() []Route {
	return []Route{
		Open(http.MethodGet, "/sign-in", s.signInPage),
		Open(http.MethodPost, "/sign-in", s.signIn),
		Open(http.MethodPost, "/sign-out", s.signOut),
		Open(http.MethodPost, "/theme", s.setTheme),
	}
}

func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	next := SafePath(r.URL.Query().Get("next"))
	if visitOf(r).frame.Principal.SignedIn() {
		return Redirect(w, r, next, "", "")
	}
	return Render(w, r, http.StatusOK, ui.SignIn(ui.SignInForm{Next: next}))
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	user, password := normalUser(r.PostForm.Get("user")), r.PostForm.Get("password")
	form := ui.SignInForm{Next: SafePath(r.PostForm.Get("next")), User: user}
	ip := visitOf(r).ip
	ok, err := s.checkPassword(r.Context(), user, password, ip)
	if catalog.IsLocked(err) {
		form.Failed = sentence(err)
		return Render(w, r, http.StatusTooManyRequests, ui.SignIn(form))
	}
	if err != nil {
		return err
	}
	if !ok {
		form.Failed = "User or password is wrong."
		return Render(w, r, http.StatusUnauthorized, ui.SignIn(form))
	}
	// Always a new session: one that was there before the sign-in, which
	// somebody else might know, ends.
	secret, err := s.Catalog.StartSession(r.Context(), user, catalog.SignIn{
		IP: ip, Agent: r.UserAgent(), At: s.Now(), Old: s.sessionSecret(r),
	})
	if err != nil {
		return err
	}
	s.setCookie(w, "", secret, int(catalog.WholeSession.Seconds()))
	return Redirect(w, r, form.Next, "", "")
}

// checkPassword says whether the password is right. Only this looks at one:
// tries are counted before and failures written down after.
func (s *Server) checkPassword(ctx context.Context, user, password, ip string) (bool, error) {
	hash, err := s.Catalog.BeginSignIn(ctx, user, ip, s.Now())
	if err != nil {
		return false, err
	}
	ok, stale, err := s.Passwords.Verify(ctx, hash, password)
	if err != nil {
		return false, err
	}
	if !ok {
		name := user
		if access.CheckUser(user) != nil {
			name = "" // perhaps a password in the wrong field
		}
		s.Log.Warn("sign-in failed", "user", name, "ip", ip)
		return false, s.Catalog.NoteFailedSignIn(ctx, name, ip)
	}
	if stale {
		renewed, err := s.Passwords.Hash(ctx, password)
		if err != nil {
			return false, err
		}
		if err := s.Catalog.RenewPasswordHash(ctx, user, hash, renewed); err != nil {
			return false, err
		}
	}
	return true, nil
}

// CheckPassword says whether the password of the reader, who signed in before,
// is right; it counts as a sign-in that is tried.
func (s *Server) CheckPassword(r *http.Request, password string) (bool, error) {
	user, ip := Who(r).Name, visitOf(r).ip
	ok, err := s.checkPassword(r.Context(), user, password, ip)
	if err != nil || !ok {
		return false, err
	}
	return true, s.Catalog.EndSignIn(r.Context(), user, ip)
}

// longestUser bounds what is counted as the name of a user.
const longestUser = 63

// normalUser is a user's name as it is kept: people write it in capitals, and
// with blanks around it.
func normalUser(s string) string {
	s = strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")))
	r := []rune(s)
	return string(r[:min(len(r), longestUser+1)])
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	p := visitOf(r).frame.Principal
	s.setCookie(w, "", "", -1)
	if p.Session != "" {
		if err := s.Catalog.EndSession(r.Context(), p.Name, p.Session); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

// sessionSecret is what the cookie holds.
func (s *Server) sessionSecret(r *http.Request) string {
	c, err := r.Cookie(s.cookieName(""))
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Server) setTheme(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	theme, age := r.PostForm.Get("theme"), themeSeconds
	if theme != "light" && theme != "dark" {
		theme, age = "", -1
	}
	s.setCookie(w, "theme", theme, age)
	http.Redirect(w, r, SafePath(r.PostForm.Get("next")), http.StatusSeeOther)
	return nil
}

// theme is what the reader chose, or "" for the device's own choice.
func (s *Server) theme(r *http.Request) string {
	c, err := r.Cookie(s.cookieName("theme"))
	if err != nil || c.Value != "light" && c.Value != "dark" {
		return ""
	}
	return c.Value
}
