package api

import (
	"net/http"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/web/server"
)

// NewUser is somebody who is to sign in to the pages.
type NewUser struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name,omitempty"`
	// Grants are roles, each for a group, or for all where that is null.
	Grants   access.Grants `json:"grants"`
	Password string        `json:"password"`
}

// UserChange changes a user. What is left out stays as it is.
type UserChange struct {
	DisplayName *string `json:"display_name,omitempty"`
	// Grants replace those there are.
	Grants *access.Grants `json:"grants,omitempty"`
}

// Password is a new password.
type Password struct {
	Password string `json:"password"`
}

// users takes what the pages about users take: an admin of all groups.
func (a API) users() []endpoint {
	const user = "/users/{user}"
	return []endpoint{
		{
			id: "listUsers", method: http.MethodGet, path: "/users", summary: "List users, all on one page",
			right: access.Admin, answer: page[catalog.User]{}, handle: a.listUsers,
		},
		{
			id: "showUser", method: http.MethodGet, path: user, summary: "Show a user",
			right: access.Admin, answer: catalog.User{}, handle: a.showUser,
		},
		{
			id: "addUser", method: http.MethodPost, path: "/users", summary: "Add a user",
			right: access.Admin, body: NewUser{}, answer: catalog.User{}, handle: a.addUser,
		},
		{
			id: "editUser", method: http.MethodPatch, path: user, summary: "Change the name or the roles of a user",
			right: access.Admin, body: UserChange{}, answer: catalog.User{}, handle: a.editUser,
		},
		{
			id: "setPassword", method: http.MethodPost, path: user + "/password", summary: "Set a new password, which ends all sessions of the user",
			right: access.Admin, body: Password{}, handle: a.setPassword,
		},
		{
			id: "enableUser", method: http.MethodPost, path: user + "/enable", summary: "Let a user sign in again, also after too many failed",
			right: access.Admin, answer: catalog.User{}, handle: a.enableUser(true),
		},
		{
			id: "disableUser", method: http.MethodPost, path: user + "/disable", summary: "Let a user sign in no more, and end all sessions",
			right: access.Admin, answer: catalog.User{}, handle: a.enableUser(false),
		},
		{
			id: "removeUser", method: http.MethodDelete, path: user, summary: "Remove a user with all sessions and tokens",
			right: access.Admin, handle: a.removeUser,
		},
	}
}

// userOf is the name that the path gives.
func userOf(r *http.Request) (string, error) {
	name := r.PathValue("user")
	if access.CheckUser(name) != nil {
		return "", server.ErrNotFound
	}
	return name, nil
}

func (a API) listUsers(w http.ResponseWriter, r *http.Request) error {
	users, err := a.Catalog.Users(r.Context())
	if err != nil {
		return err
	}
	return answerPage(w, users, nil)
}

func (a API) showUser(w http.ResponseWriter, r *http.Request) error {
	name, err := userOf(r)
	if err != nil {
		return err
	}
	u, err := a.Catalog.User(r.Context(), name)
	return answerUser(w, u, err)
}

func answerUser(w http.ResponseWriter, u catalog.User, err error) error {
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, u)
}

func (a API) addUser(w http.ResponseWriter, r *http.Request) error {
	var in NewUser
	if err := read(r, &in); err != nil {
		return err
	}
	if err := access.CheckUser(in.Name); err != nil {
		return err
	}
	if err := mayGrant(r, in.Grants); err != nil {
		return err
	}
	hash, err := a.hash(r, in.Name, in.Password)
	if err != nil {
		return err
	}
	u, err := a.Catalog.AddUser(r.Context(), catalog.NewUser{Name: in.Name, DisplayName: in.DisplayName, Grants: in.Grants, PasswordHash: hash})
	return answerUser(w, u, err)
}

// hash gives that of a password which is good enough for its user.
func (a API) hash(r *http.Request, user, password string) (string, error) {
	if err := access.CheckPassword(user, password); err != nil {
		return "", err
	}
	return a.Passwords.Hash(r.Context(), password)
}

func (a API) editUser(w http.ResponseWriter, r *http.Request) error {
	name, err := userOf(r)
	if err != nil {
		return err
	}
	var in UserChange
	if err := read(r, &in); err != nil {
		return err
	}
	if in.Grants != nil {
		if err := mayGrant(r, *in.Grants); err != nil {
			return err
		}
	}
	u, err := a.Catalog.EditUser(r.Context(), name, catalog.UserEdit(in))
	return answerUser(w, u, err)
}

func (a API) setPassword(w http.ResponseWriter, r *http.Request) error {
	name, err := userOf(r)
	if err != nil {
		return err
	}
	var in Password
	if err := read(r, &in); err != nil {
		return err
	}
	hash, err := a.hash(r, name, in.Password)
	if err != nil {
		return err
	}
	if err := a.Catalog.SetPassword(r.Context(), name, hash, server.Who(r).Session); err != nil {
		return err
	}
	return done(w)
}

func (a API) enableUser(enabled bool) server.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		name, err := userOf(r)
		if err != nil {
			return err
		}
		if !enabled && name == server.Who(r).Name {
			return server.Refused("You cannot disable yourself: have another admin do it.")
		}
		u, err := a.Catalog.SetUserEnabled(r.Context(), name, enabled)
		return answerUser(w, u, err)
	}
}

func (a API) removeUser(w http.ResponseWriter, r *http.Request) error {
	name, err := userOf(r)
	if err != nil {
		return err
	}
	if name == server.Who(r).Name {
		return server.Refused("You cannot remove yourself: have another admin do it.")
	}
	if err := a.Catalog.RemoveUser(r.Context(), name); err != nil {
		return err
	}
	return done(w)
}
