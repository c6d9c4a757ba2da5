// Package groups shows groups, and lets people add, change, rename and remove
// them.
package groups

import (
	"context"
	"net/http"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/server"
	"planb/web/ui"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	GroupLines(ctx context.Context, v catalog.Visible, now time.Time) ([]catalog.GroupLine, error)
	HostPage(ctx context.Context, q catalog.HostQuery) (catalog.HostList, error)
	Hosts(ctx context.Context, f catalog.HostFilter) ([]catalog.Host, error)
	Group(ctx context.Context, name string) (catalog.Group, error)
	GroupEffective(ctx context.Context, group string) (policy.Effective, error)
	SystemEffective(ctx context.Context) (policy.Effective, error)
	Settings(ctx context.Context, sc catalog.Scope) (policy.Settings, error)
	AddGroup(ctx context.Context, name string, e catalog.GroupEdit) (catalog.Group, error)
	EditGroup(ctx context.Context, name string, e catalog.GroupEdit) (catalog.Group, error)
	RenameGroup(ctx context.Context, name, to string) error
	RemoveGroup(ctx context.Context, name string) error
}

// Operator is what they ask of operate.Operator.
type Operator interface {
	Reschedule(ctx context.Context, done string, hosts ...ident.Host) error
}

// Pages are the pages of this family.
type Pages struct {
	Catalog  Catalog
	Operator Operator
	Now      func() time.Time
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	of := func(method, pattern string, right access.Right, h server.HandlerFunc) server.Route {
		return server.Route{Method: method, Pattern: pattern, Right: right, Scope: server.InGroup, Handle: h}
	}
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/groups", Right: access.View, Scope: server.Anything, Handle: p.list},
		// A group may be called anything, so that a new one has a path elsewhere.
		{Method: http.MethodGet, Pattern: "/new-group", Right: access.Manage, Handle: p.askNew},
		{Method: http.MethodPost, Pattern: "/new-group", Right: access.Manage, Handle: p.add},
		of(http.MethodGet, "/groups/{group}", access.View, p.show),
		of(http.MethodGet, "/groups/{group}/edit", access.Manage, p.askEdit),
		of(http.MethodPost, "/groups/{group}/edit", access.Manage, p.edit),
		of(http.MethodGet, "/groups/{group}/rename", access.Manage, p.askRename),
		of(http.MethodPost, "/groups/{group}/rename", access.Manage, p.rename),
		of(http.MethodGet, "/groups/{group}/remove", access.Manage, p.askRemove),
		of(http.MethodPost, "/groups/{group}/remove", access.Manage, p.remove),
	}
}

func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
	found, err := p.Catalog.GroupLines(r.Context(), server.Sees(r), p.Now())
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, listPage(found))
}

// mostHosts are shown on the page of a group, those first that need a person.
const mostHosts = 25

// groupView is the page of one group.
type groupView struct {
	Group  catalog.Group
	Hosts  catalog.HostList
	Policy policy.Effective
	// Own is how many settings the group has itself.
	Own int
}

func (p Pages) show(w http.ResponseWriter, r *http.Request) (err error) {
	name := r.PathValue("group")
	var v groupView
	if v.Group, err = p.Catalog.Group(r.Context(), name); err != nil {
		return err
	}
	if v.Policy, err = p.Catalog.GroupEffective(r.Context(), name); err != nil {
		return err
	}
	for _, f := range v.Policy.Fields() {
		if f.From == policy.LevelGroup {
			v.Own++
		}
	}
	v.Hosts, err = p.Catalog.HostPage(r.Context(), catalog.HostQuery{
		Visible: server.Sees(r), Group: name, Sort: "health", Limit: mostHosts, Now: p.Now(),
	})
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, showPage(v))
}

func (p Pages) askRename(w http.ResponseWriter, r *http.Request) error {
	g, err := p.Catalog.Group(r.Context(), r.PathValue("group"))
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, renamePage(g.Name, ui.Field{Value: g.Name}))
}

func (p Pages) rename(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	name, to := r.PathValue("group"), r.PostForm.Get("to")
	hosts, err := p.hostsOf(r.Context(), name)
	if err != nil {
		return err
	}
	err = p.Catalog.RenameGroup(r.Context(), name, to)
	if text, ok := server.Told(err); err != nil && ok {
		return server.Render(w, r, http.StatusUnprocessableEntity, renamePage(name, ui.Field{Value: to, Error: text}))
	}
	if err != nil {
		return err
	}
	done := "Renamed group " + name + " to " + to + ". The datasets of its hosts stay where they are."
	for _, h := range hosts { // those of the old name go, those of the new one come
		hosts = append(hosts, ident.Host{Group: to, Name: h.Name})
	}
	return server.Changed(w, r, "/groups/"+to, done, p.Operator.Reschedule(r.Context(), done, hosts...))
}

func (p Pages) askRemove(w http.ResponseWriter, r *http.Request) error {
	g, err := p.Catalog.Group(r.Context(), r.PathValue("group"))
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, removePage(g, ""))
}

func (p Pages) remove(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("group")
	g, err := p.Catalog.Group(r.Context(), name)
	if err != nil {
		return err
	}
	err = p.Catalog.RemoveGroup(r.Context(), name)
	if text, ok := server.Told(err); err != nil && ok {
		return server.Render(w, r, http.StatusConflict, removePage(g, text))
	}
	if err != nil {
		return err
	}
	return server.Redirect(w, r, "/groups", ui.Good, "Removed group "+name+".")
}

func (p Pages) hostsOf(ctx context.Context, group string) ([]ident.Host, error) {
	found, err := p.Catalog.Hosts(ctx, catalog.HostFilter{Group: group})
	names := make([]ident.Host, len(found))
	for i, h := range found {
		names[i] = h.Ident()
	}
	return names, err
}
