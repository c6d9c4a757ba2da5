// Package policies shows the settings that all groups and hosts inherit, who
// sets others, and lets admins change those of the system.
package policies

import (
	"context"
	"net/http"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/settings"
	"planb/web/policyform"
	"planb/web/server"
	"planb/web/ui"
)

// Catalog is what the pages ask of *catalog.Store.
type Catalog interface {
	SystemEffective(ctx context.Context) (policy.Effective, error)
	Settings(ctx context.Context, sc catalog.Scope) (policy.Settings, error)
	EditSettings(ctx context.Context, sc catalog.Scope, change func(*policy.Settings) error) error
	AllOwnSettings(ctx context.Context, v catalog.Visible) ([]catalog.OwnSettings, error)
	Hosts(ctx context.Context, f catalog.HostFilter) ([]catalog.Host, error)
}

// Operator is what they ask of operate.Operator.
type Operator interface {
	Reschedule(ctx context.Context, done string, hosts ...ident.Host) error
}

// Pages are the pages of this family.
type Pages struct {
	Catalog  Catalog
	Operator Operator
}

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/policies", Right: access.View, Scope: server.Anything, Handle: p.show},
		{Method: http.MethodGet, Pattern: "/policies/edit", Right: access.Admin, Handle: p.askEdit},
		{Method: http.MethodPost, Pattern: "/policies/edit", Right: access.Admin, Handle: p.edit},
		{Method: http.MethodGet, Pattern: "/policies/{setting}", Right: access.View, Scope: server.Anything, Handle: p.setting},
	}
}

// settingView is one setting: what the system has, and who has another value.
type settingView struct {
	policy.Field
	Groups, Hosts []setBy
}

// setBy is somebody who sets a setting.
type setBy struct {
	Group string
	Host  ident.Host
	Field policy.Field
}

// who sets each setting, in the order of the settings.
func (p Pages) who(r *http.Request) ([]settingView, policy.Effective, error) {
	system, err := p.Catalog.SystemEffective(r.Context())
	if err != nil {
		return nil, system, err
	}
	all, err := p.Catalog.AllOwnSettings(r.Context(), server.Sees(r))
	if err != nil {
		return nil, system, err
	}
	list := make([]settingView, 0, len(system.Fields()))
	at := map[string]int{}
	for i, f := range system.Fields() {
		at[f.Name] = i
		list = append(list, settingView{Field: f})
	}
	for _, o := range all {
		for _, f := range policyform.Own(o.Settings) {
			v := &list[at[f.Name]]
			by := setBy{Group: o.Group, Host: o.Host, Field: f}
			if o.Host.IsZero() {
				v.Groups = append(v.Groups, by)
			} else {
				v.Hosts = append(v.Hosts, by)
			}
		}
	}
	return list, system, nil
}

func (p Pages) show(w http.ResponseWriter, r *http.Request) error {
	list, _, err := p.who(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, showPage(list))
}

func (p Pages) setting(w http.ResponseWriter, r *http.Request) error {
	set, known := settings.Find(r.PathValue("setting"))
	if !known {
		return server.ErrNotFound
	}
	list, _, err := p.who(r)
	if err != nil {
		return err
	}
	for _, v := range list {
		if v.Name == set.Name {
			return server.Render(w, r, http.StatusOK, settingPage(v))
		}
	}
	return server.ErrNotFound
}

func (p Pages) askEdit(w http.ResponseWriter, r *http.Request) error {
	own, err := p.Catalog.Settings(r.Context(), catalog.OfSystem())
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, editPage(policyform.New(own, builtIn()), ""))
}

// builtIn is what holds where the system sets nothing.
func builtIn() policy.Effective {
	return policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{})
}

// mostAtOnce is for how many hosts the schedules are changed while the reader
// waits; more follow with the next comparison of all.
const mostAtOnce = 300

func (p Pages) edit(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	form, change, ok := policyform.Read(r.PostForm, builtIn())
	failed := "Nothing is saved yet: see the fields marked below."
	if ok {
		err := p.Catalog.EditSettings(r.Context(), catalog.OfSystem(), change)
		text, told := server.Told(err)
		switch {
		case err != nil && told:
			failed, ok = text, false
		case err != nil:
			return err
		}
	}
	if !ok {
		return server.Render(w, r, http.StatusUnprocessableEntity, editPage(form, failed))
	}
	found, err := p.Catalog.Hosts(r.Context(), catalog.HostFilter{})
	if err != nil {
		return err
	}
	done := "Changed the policy of the system."
	if len(found) > mostAtOnce {
		return server.Redirect(w, r, "/policies", ui.Good, done+" The schedules of the hosts follow within ten minutes.")
	}
	names := make([]ident.Host, len(found))
	for i, h := range found {
		names[i] = h.Ident()
	}
	return server.Changed(w, r, "/policies", done, p.Operator.Reschedule(r.Context(), done, names...))
}
