package api

import (
	"net/http"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
)

// NewToken is a token to make.
type NewToken struct {
	Name string `json:"name"`
	// User owns it, and bounds what it may do; without one it stands for itself.
	// What is made with the token of a user is that user's.
	User      string        `json:"user,omitempty"`
	Grants    access.Grants `json:"grants"`
	ExpiresAt time.Time     `json:"expires_at"`
}

// TokenMade is a token with its secret, which is told only this once.
type TokenMade struct {
	Name      string        `json:"name"`
	Token     string        `json:"token"`
	User      catalog.Text  `json:"user"`
	Grants    access.Grants `json:"grants"`
	ExpiresAt time.Time     `json:"expires_at"`
}

// tokens takes what the pages about tokens take: an admin of all groups.
func (a API) tokens() []endpoint {
	return []endpoint{
		{
			id: "listTokens", method: http.MethodGet, path: "/tokens", summary: "List tokens, all on one page",
			right: access.Admin, answer: page[catalog.Token]{}, handle: a.listTokens,
		},
		{
			id: "addToken", method: http.MethodPost, path: "/tokens", summary: "Make a token, which may do no more than whoever makes it",
			right: access.Admin, body: NewToken{}, answer: TokenMade{}, handle: a.addToken,
		},
		{
			id: "removeToken", method: http.MethodDelete, path: "/tokens/{token}", summary: "Remove a token; programs that use it are refused at once",
			right: access.Admin, handle: a.removeToken,
		},
	}
}

func (a API) listTokens(w http.ResponseWriter, r *http.Request) error {
	tokens, err := a.Catalog.Tokens(r.Context(), "")
	if err != nil {
		return err
	}
	return answerPage(w, tokens, nil)
}

// mayGrant refuses roles that give more than whoever sent the request may.
func mayGrant(r *http.Request, grants access.Grants) error {
	if len(grants) == 0 {
		return server.Invalid("Give at least one role in grants: viewer, operator, restorer or admin.")
	}
	for _, g := range grants {
		if _, err := access.ParseRole(string(g.Role)); err != nil {
			return err
		}
		for _, right := range g.Role.Rights() {
			if g.Group != "" && right == access.Admin {
				continue // an admin of one group does not have it
			}
			if !server.Who(r).May(right, access.OfGroup(g.Group)) {
				return server.Forbidden("You may not give the role " + g.String() + ": it may more than you.")
			}
		}
	}
	return nil
}

func (a API) addToken(w http.ResponseWriter, r *http.Request) error {
	var in NewToken
	if err := read(r, &in); err != nil {
		return err
	}
	if err := mayGrant(r, in.Grants); err != nil {
		return err
	}
	// A token that ends with its owner makes none that outlives the owner.
	if who := server.Who(r); who.Token != "" && who.Name != "" {
		if in.User != "" && in.User != who.Name {
			return server.Forbidden("This token is one of " + who.Name + ": it makes tokens of no other user.")
		}
		in.User = who.Name
	}
	n := catalog.NewToken{Name: in.Name, User: in.User, Grants: in.Grants, ExpiresAt: in.ExpiresAt}
	secret, err := a.Catalog.AddToken(r.Context(), n, a.Now())
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, TokenMade{n.Name, secret, catalog.Text(n.User), n.Grants, n.ExpiresAt})
}

func (a API) removeToken(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("token")
	if access.CheckToken(name) != nil {
		return server.ErrNotFound
	}
	if err := a.Catalog.RemoveToken(r.Context(), name, ""); err != nil {
		return err
	}
	return done(w)
}
