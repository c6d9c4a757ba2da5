package users

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
	"planb/web/ui"
)

func (p Pages) tokens(w http.ResponseWriter, r *http.Request) error {
	found, err := p.Catalog.Tokens(r.Context(), "")
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, tokensPage(found, p.Now()))
}

func (p Pages) newTokenPage(w http.ResponseWriter, r *http.Request) error {
	return p.askForToken(w, r, http.StatusOK, ui.TokenForm{Days: "90"})
}

func (p Pages) askForToken(w http.ResponseWriter, r *http.Request, status int, f ui.TokenForm) (err error) {
	if f.Groups, err = groupNames(r.Context(), p.Catalog); err != nil {
		return err
	}
	f.Action, f.Back = "/tokens", "/tokens"
	return server.Render(w, r, status, newTokenPage(f))
}

// TokenOf reads the fields of ui.TokenForm from a form that was parsed.
func TokenOf(r *http.Request, now time.Time) (ui.TokenForm, catalog.NewToken, error) {
	f := ui.TokenForm{Name: r.PostForm.Get("name"), Days: r.PostForm.Get("days"), Grants: server.GrantsOf(r)}
	n := catalog.NewToken{Name: f.Name, Grants: f.Grants}
	days, err := strconv.Atoi(f.Days)
	if err != nil || days < 1 || days > int(catalog.LongestToken/(24*time.Hour)) {
		return f, n, &access.Error{Reason: "a token lasts from 1 to 1098 days: give a whole number"}
	}
	n.ExpiresAt = now.Add(time.Duration(days) * 24 * time.Hour)
	return f, n, nil
}

func (p Pages) addToken(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	f, n, err := TokenOf(r, p.Now())
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
	// No redirect: the secret is shown here, once, and kept nowhere.
	return server.Render(w, r, http.StatusCreated, tokenMadePage(n.Name, secret))
}

func (p Pages) removeTokenPage(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("token")
	if access.CheckToken(name) != nil {
		return server.ErrNotFound
	}
	return server.Render(w, r, http.StatusOK, removeTokenPage(name, ui.Confirmation{
		Question: "Remove token " + name + "?", Consequence: "Programs that use it are refused at once.",
		Action: "/tokens/" + url.PathEscape(name) + "/remove", Verb: "Remove the token", Back: "/tokens",
	}))
}

func (p Pages) removeToken(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("token")
	if access.CheckToken(name) != nil {
		return server.ErrNotFound
	}
	if err := p.Catalog.RemoveToken(r.Context(), name, ""); err != nil {
		return err
	}
	return server.Redirect(w, r, "/tokens", ui.Good, "Removed token "+name+".")
}
