// Package account holds the pages on which people look after their own sign-in:
// password, sessions, tokens.
package account

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
	"planb/web/ui"
	"planb/web/users"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	Groups(ctx context.Context) ([]catalog.Group, error)
	User(ctx context.Context, name string) (catalog.User, error)
	SetPassword(ctx context.Context, name, hash, except string) error
	Sessions(ctx context.Context, user string, now time.Time) ([]catalog.Session, error)
	EndSession(ctx context.Context, user, id string) error
	EndSessions(ctx context.Context, user, except string) error
	Tokens(ctx context.Context, user string) ([]catalog.Token, error)
	AddToken(ctx context.Context, n catalog.NewToken, now time.Time) (secret string, err error)
	RemoveToken(ctx context.Context, name, user string) error
}

// Pages are the pages of this family.
type Pages struct {
	Catalog   Catalog
	Passwords *access.Passwords
	// Check says whether the reader's password is right.
	Check func(r *http.Request, password string) (bool, error)
	Now   func() time.Time
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	line := func(method, pattern string, h server.HandlerFunc) server.Route {
		return server.Route{Method: method, Pattern: pattern, Right: access.Own, Handle: h}
	}
	return []server.Route{
		line(http.MethodGet, "/account", p.show),
		line(http.MethodPost, "/account/password", p.setPassword),
		line(http.MethodPost, "/account/sessions/end", p.endOthers),
		line(http.MethodPost, "/account/sessions/{session}/end", p.endSession),
		line(http.MethodGet, "/account/tokens/new", p.newTokenPage),
		line(http.MethodPost, "/account/tokens", p.addToken),
		line(http.MethodGet, "/account/tokens/{token}/remove", p.removeTokenPage),
		line(http.MethodPost, "/account/tokens/{token}/remove", p.removeToken),
	}
}

// view is what the page shows.
type view struct {
	User     catalog.User
	Sessions []catalog.Session
	Tokens   []catalog.Token
	Current  string
	// Wrong is why the current password was refused, Failed the new one.
	Wrong, Failed string
}

func (p Pages) show(w http.ResponseWriter, r *http.Request) error {
	return p.showView(w, r, http.StatusOK, view{})
}

func (p Pages) showView(w http.ResponseWriter, r *http.Request, status int, v view) (err error) {
	who := server.Who(r)
	v.Current = who.Session
	if v.User, err = p.Catalog.User(r.Context(), who.Name); err != nil {
		return err
	}
	if v.Sessions, err = p.Catalog.Sessions(r.Context(), who.Name, p.Now()); err != nil {
		return err
	}
	if v.Tokens, err = p.Catalog.Tokens(r.Context(), who.Name); err != nil {
		return err
	}
	return server.Render(w, r, status, page(v))
}

func (p Pages) setPassword(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	who, password := server.Who(r), r.PostForm.Get("password")
	if password != r.PostForm.Get("again") {
		return p.showView(w, r, http.StatusUnprocessableEntity, view{Failed: "The two new passwords are not the same."})
	}
	if err := access.CheckPassword(who.Name, password); err != nil {
		return p.showView(w, r, http.StatusUnprocessableEntity, view{Failed: told(err)})
	}
	ok, err := p.Check(r, r.PostForm.Get("current"))
	if catalog.IsLocked(err) {
		return p.showView(w, r, http.StatusTooManyRequests, view{Wrong: told(err)})
	}
	if err != nil {
		return err
	}
	if !ok {
		return p.showView(w, r, http.StatusUnprocessableEntity, view{Wrong: "This is not your password."})
	}
	hash, err := p.Passwords.Hash(r.Context(), password)
	if err != nil {
		return err
	}
	if err := p.Catalog.SetPassword(r.Context(), who.Name, hash, who.Session); err != nil {
		return err
	}
	return server.Redirect(w, r, "/account", ui.Good, "Changed your password. You are signed out everywhere else.")
}

func (p Pages) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := p.Catalog.EndSession(r.Context(), server.Who(r).Name, r.PathValue("session")); err != nil {
		return err
	}
	return server.Redirect(w, r, "/account", ui.Good, "Ended the session.")
}

func (p Pages) endOthers(w http.ResponseWriter, r *http.Request) error {
	who := server.Who(r)
	if err := p.Catalog.EndSessions(r.Context(), who.Name, who.Session); err != nil {
		return err
	}
	return server.Redirect(w, r, "/account", ui.Good, "You are signed out everywhere else.")
}

func (p Pages) newTokenPage(w http.ResponseWriter, r *http.Request) error {
	return p.askForToken(w, r, http.StatusOK, ui.TokenForm{Days: "90"})
}

func (p Pages) askForToken(w http.ResponseWriter, r *http.Request, status int, f ui.TokenForm) error {
	groups, err := p.Catalog.Groups(r.Context())
	if err != nil {
		return err
	}
	for _, g := range groups {
		if server.Who(r).Sees(g.Name) {
			f.Groups = append(f.Groups, g.Name)
		}
	}
	f.Action, f.Back = "/account/tokens", "/account"
	return server.Render(w, r, status, newTokenPage(f))
}

func (p Pages) addToken(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	f, n, err := users.TokenOf(r, p.Now())
	n.User = server.Who(r).Name
	for _, g := range n.Grants {
		if g.Group != "" && !server.Who(r).Sees(g.Group) {
			err = server.Invalid("There is no group " + g.Group + ".")
		}
	}
	var secret string
	if err == nil {
		secret, err = p.Catalog.AddToken(r.Context(), n, p.Now())
	}
	if text, ok := server.Told(err); err != nil && ok {
		f.Failed = text
		return p.askForToken(w, r, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusCreated, tokenMadePage(n.Name, secret))
}

func (p Pages) removeTokenPage(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("token")
	if access.CheckToken(name) != nil {
		return server.ErrNotFound
	}
	return server.Render(w, r, http.StatusOK, removeTokenPage(ui.Confirmation{
		Question: "Remove token " + name + "?", Consequence: "Programs that use it are refused at once.",
		Action: "/account/tokens/" + url.PathEscape(name) + "/remove", Verb: "Remove the token", Back: "/account",
	}))
}

func (p Pages) removeToken(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("token")
	if access.CheckToken(name) != nil {
		return server.ErrNotFound
	}
	if err := p.Catalog.RemoveToken(r.Context(), name, server.Who(r).Name); err != nil {
		return err
	}
	return server.Redirect(w, r, "/account", ui.Good, "Removed token "+name+".")
}

func told(err error) string {
	text, _ := server.Told(err)
	return text
}
