package api

import (
	"net/http"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
)

// GroupChange is what a group is made of. What is left out stays as it is.
type GroupChange struct {
	// Emails get the notices and reports of the group.
	Emails *[]string `json:"emails,omitempty"`
	Notes  *string   `json:"notes,omitempty"`
	SettingsChange
}

// NewGroup is a group to add.
type NewGroup struct {
	Name string `json:"name"`
	GroupChange
}

// NewName is what something is called from now on.
type NewName struct {
	// To is the name of a group, or the group/name of a host.
	To string `json:"to"`
}

func (a API) groupChanges() []endpoint {
	const group = "/groups/{group}"
	return []endpoint{
		{
			id: "addGroup", method: http.MethodPost, path: "/groups", summary: "Add a group",
			right: access.Manage, body: NewGroup{}, answer: catalog.GroupShown{}, handle: a.addGroup,
		},
		{
			id: "editGroup", method: http.MethodPatch, path: group,
			summary: "Change of a group what is given; the schedules of more than 300 hosts follow within ten minutes",
			right:   access.Manage, scope: server.InGroup, body: GroupChange{}, answer: catalog.GroupShown{}, handle: a.editGroup,
		},
		{
			id: "renameGroup", method: http.MethodPost, path: group + "/rename",
			summary: "Give a group another name; the datasets of its hosts stay where they are",
			right:   access.Manage, scope: server.InGroup, body: NewName{}, handle: a.renameGroup,
		},
		{
			id: "removeGroup", method: http.MethodDelete, path: group, summary: "Remove a group that has no hosts",
			right: access.Manage, scope: server.InGroup, handle: a.removeGroup,
		},
	}
}

// edit reads a change.
func (c GroupChange) edit() (catalog.GroupEdit, error) {
	e := catalog.GroupEdit{Emails: c.Emails, Notes: c.Notes, Settings: c.change()}
	if c.Emails != nil {
		for _, m := range *c.Emails {
			if err := ident.CheckEmail(m); err != nil {
				return e, err
			}
		}
	}
	return e, c.check()
}

func (a API) addGroup(w http.ResponseWriter, r *http.Request) error {
	var in NewGroup
	if err := read(r, &in); err != nil {
		return err
	}
	e, err := in.edit()
	if err != nil {
		return err
	}
	if _, err := a.Catalog.AddGroup(r.Context(), in.Name, e); err != nil {
		return err
	}
	return a.answerGroup(w, r, in.Name)
}

func (a API) editGroup(w http.ResponseWriter, r *http.Request) error {
	var in GroupChange
	if err := read(r, &in); err != nil {
		return err
	}
	e, err := in.edit()
	if err != nil {
		return err
	}
	if err := a.Operator.EditGroup(r.Context(), r.PathValue("group"), e); err != nil {
		return err
	}
	return a.answerGroup(w, r, r.PathValue("group"))
}

func (a API) answerGroup(w http.ResponseWriter, r *http.Request, name string) error {
	shown, err := a.Catalog.GroupShown(r.Context(), name)
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, shown)
}

func (a API) renameGroup(w http.ResponseWriter, r *http.Request) error {
	var in NewName
	if err := read(r, &in); err != nil {
		return err
	}
	if err := a.Operator.RenameGroup(r.Context(), r.PathValue("group"), in.To); err != nil {
		return err
	}
	return done(w)
}

func (a API) removeGroup(w http.ResponseWriter, r *http.Request) error {
	if err := a.Catalog.RemoveGroup(r.Context(), r.PathValue("group")); err != nil {
		return err
	}
	return done(w)
}
