// Package users holds the pages on which an admin says who may sign in, which
// programs may use the API, and what each of them may do.
package users

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
	"planb/web/ui"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	Groups(ctx context.Context) ([]catalog.Group, error)
	Users(ctx context.Context) ([]catalog.User, error)
	User(ctx context.Context, name string) (catalog.User, error)
	AddUser(ctx context.Context, n catalog.NewUser) (catalog.User, error)
	EditUser(ctx context.Context, name string, e catalog.UserEdit) (catalog.User, error)
	SetUserEnabled(ctx context.Context, name string, enabled bool) (catalog.User, error)
	SetPassword(ctx context.Context, name, hash, except string) error
	RemoveUser(ctx context.Context, name string) error
	Sessions(ctx context.Context, user string, now time.Time) ([]catalog.Session, error)
	EndSessions(ctx context.Context, user, except string) error
	Tokens(ctx context.Context, user string) ([]catalog.Token, error)
	AddToken(ctx context.Context, n catalog.NewToken, now time.Time) (secret string, err error)
	RemoveToken(ctx context.Context, name, user string) error
}

// Pages are the pages of this family.
type Pages struct {
	Catalog   Catalog
	Passwords *access.Passwords
	Now       func() time.Time
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	line := func(method, pattern string, h server.HandlerFunc) server.Route {
		return server.Route{Method: method, Pattern: pattern, Right: access.Admin, Handle: h}
	}
	return []server.Route{
		line(http.MethodGet, "/users", p.list),
		line(http.MethodGet, "/users/new", p.newPage),
		line(http.MethodPost, "/users", p.add),
		line(http.MethodGet, "/users/{user}", p.show),
		line(http.MethodPost, "/users/{user}", p.edit),
		line(http.MethodPost, "/users/{user}/password", p.setPassword),
		line(http.MethodPost, "/users/{user}/enable", p.enable),
		line(http.MethodPost, "/users/{user}/disable", p.disable),
		line(http.MethodPost, "/users/{user}/sign-out", p.endSessions),
		line(http.MethodGet, "/users/{user}/remove", p.removePage),
		line(http.MethodPost, "/users/{user}/remove", p.remove),
		line(http.MethodGet, "/tokens", p.tokens),
		line(http.MethodGet, "/tokens/new", p.newTokenPage),
		line(http.MethodPost, "/tokens", p.addToken),
		line(http.MethodGet, "/tokens/{token}/remove", p.removeTokenPage),
		line(http.MethodPost, "/tokens/{token}/remove", p.removeToken),
	}
}

func href(name string) string { return "/users/" + url.PathEscape(name) }

// groupNames are the groups that a role can be granted for.
func groupNames(ctx context.Context, c interface {
	Groups(ctx context.Context) ([]catalog.Group, error)
},
) ([]string, error) {
	groups, err := c.Groups(ctx)
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	return names, err
}

func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
	found, err := p.Catalog.Users(r.Context())
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, listPage(found))
}

// userForm is what the page of a new user shows.
type userForm struct {
	Name, DisplayName string
	Grants            access.Grants
	Groups            []string
	Failed            string
}

func (p Pages) newPage(w http.ResponseWriter, r *http.Request) error {
	return p.askForUser(w, r, http.StatusOK, userForm{})
}

func (p Pages) askForUser(w http.ResponseWriter, r *http.Request, status int, f userForm) (err error) {
	if f.Groups, err = groupNames(r.Context(), p.Catalog); err != nil {
		return err
	}
	return server.Render(w, r, status, newUserPage(f))
}

func (p Pages) add(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	f := userForm{Name: r.PostForm.Get("name"), DisplayName: r.PostForm.Get("display_name"), Grants: server.GrantsOf(r)}
	err := access.CheckUser(f.Name)
	if err == nil {
		err = access.CheckPassword(f.Name, r.PostForm.Get("password"))
	}
	var hash string
	if err == nil {
		hash, err = p.Passwords.Hash(r.Context(), r.PostForm.Get("password"))
	}
	if err == nil {
		_, err = p.Catalog.AddUser(r.Context(), catalog.NewUser{Name: f.Name, DisplayName: f.DisplayName, Grants: f.Grants, PasswordHash: hash})
	}
	if text, ok := server.Told(err); err != nil && ok {
		f.Failed = text
		return p.askForUser(w, r, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return server.Redirect(w, r, href(f.Name), ui.Good, "Added user "+f.Name+".")
}

// userView is what the page of one user shows.
type userView struct {
	User     catalog.User
	Sessions []catalog.Session
	Tokens   []catalog.Token
	Groups   []string
	// Failed is why a change was refused.
	Failed string
}

// user gives the user that the path names.
func (p Pages) user(r *http.Request) (catalog.User, error) {
	name := r.PathValue("user")
	if access.CheckUser(name) != nil {
		return catalog.User{}, server.ErrNotFound
	}
	return p.Catalog.User(r.Context(), name)
}

func (p Pages) show(w http.ResponseWriter, r *http.Request) error {
	return p.showUser(w, r, http.StatusOK, "")
}

func (p Pages) showUser(w http.ResponseWriter, r *http.Request, status int, failed string) error {
	u, err := p.user(r)
	if err != nil {
		return err
	}
	v := userView{User: u, Failed: failed}
	if v.Sessions, err = p.Catalog.Sessions(r.Context(), u.Name, p.Now()); err != nil {
		return err
	}
	if v.Tokens, err = p.Catalog.Tokens(r.Context(), u.Name); err != nil {
		return err
	}
	if v.Groups, err = groupNames(r.Context(), p.Catalog); err != nil {
		return err
	}
	return server.Render(w, r, status, userPage(v))
}

// change does something to the user that the path names, and tells it.
func (p Pages) change(w http.ResponseWriter, r *http.Request, told string, do func(u catalog.User) error) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	u, err := p.user(r)
	if err != nil {
		return err
	}
	err = do(u)
	if text, ok := server.Told(err); err != nil && ok {
		return p.showUser(w, r, http.StatusUnprocessableEntity, text)
	}
	if err != nil {
		return err
	}
	return server.Redirect(w, r, href(u.Name), ui.Good, told)
}

func (p Pages) edit(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "Saved.", func(u catalog.User) error {
		display, grants := r.PostForm.Get("display_name"), server.GrantsOf(r)
		_, err := p.Catalog.EditUser(r.Context(), u.Name, catalog.UserEdit{DisplayName: &display, Grants: &grants})
		return err
	})
}

func (p Pages) setPassword(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "Changed the password. All sessions of the user ended.", func(u catalog.User) error {
		password := r.PostForm.Get("password")
		if err := access.CheckPassword(u.Name, password); err != nil {
			return err
		}
		hash, err := p.Passwords.Hash(r.Context(), password)
		if err != nil {
			return err
		}
		// One's own session goes on, also where one changes one's own password.
		return p.Catalog.SetPassword(r.Context(), u.Name, hash, server.Who(r).Session)
	})
}

func (p Pages) enable(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "The user can sign in again.", func(u catalog.User) error {
		_, err := p.Catalog.SetUserEnabled(r.Context(), u.Name, true)
		return err
	})
}

func (p Pages) disable(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "The user cannot sign in any more. All sessions ended, and tokens of the user do not work.", func(u catalog.User) error {
		if u.Name == server.Who(r).Name {
			return server.Refused("You cannot disable yourself: have another admin do it.")
		}
		_, err := p.Catalog.SetUserEnabled(r.Context(), u.Name, false)
		return err
	})
}

func (p Pages) endSessions(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "Ended all sessions of the user.", func(u catalog.User) error {
		return p.Catalog.EndSessions(r.Context(), u.Name, server.Who(r).Session)
	})
}

func (p Pages) removePage(w http.ResponseWriter, r *http.Request) error {
	return p.askToRemove(w, r, http.StatusOK, "")
}

func (p Pages) askToRemove(w http.ResponseWriter, r *http.Request, status int, failed string) error {
	u, err := p.user(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, status, removeUserPage(u, ui.Confirmation{
		Question:    "Remove user " + u.Name + "?",
		Consequence: "Sessions and tokens of the user end at once. What the user did stays in the audit log. To keep the user for later, disable it instead.",
		Action:      href(u.Name) + "/remove", Verb: "Remove the user", Back: href(u.Name), Failed: failed,
	}))
}

func (p Pages) remove(w http.ResponseWriter, r *http.Request) error {
	u, err := p.user(r)
	if err != nil {
		return err
	}
	if u.Name == server.Who(r).Name {
		return p.askToRemove(w, r, http.StatusConflict, "You cannot remove yourself: have another admin do it.")
	}
	err = p.Catalog.RemoveUser(r.Context(), u.Name)
	if text, ok := server.Told(err); err != nil && ok {
		return p.askToRemove(w, r, http.StatusConflict, text)
	}
	if err != nil {
		return err
	}
	return server.Redirect(w, r, "/users", ui.Good, "Removed user "+u.Name+".")
}
