package groups

import (
	"net/http"
	"strings"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/policyform"
	"planb/web/server"
)

// formView is the form for a new group, or to change one.
type formView struct {
	// Group is empty for a new one.
	Group string
	// Name, Emails and Notes are what was typed, the errors what is wrong with it.
	Name, NameError     string
	Emails, EmailsError string
	Notes               string
	Settings            policyform.Form
	Failed              string
}

func (p Pages) askNew(w http.ResponseWriter, r *http.Request) error {
	above, err := p.Catalog.SystemEffective(r.Context())
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, formPage(formView{Settings: policyform.New(policy.Settings{}, above).For(server.MaySetServerFiles(r))}))
}

func (p Pages) askEdit(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("group")
	g, err := p.Catalog.Group(r.Context(), name)
	if err != nil {
		return err
	}
	own, err := p.Catalog.Settings(r.Context(), catalog.OfGroup(name))
	if err != nil {
		return err
	}
	above, err := p.Catalog.SystemEffective(r.Context())
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, formPage(formView{
		Group: name, Emails: strings.Join(g.Emails, "\n"), Notes: g.Notes, Settings: policyform.New(own, above).For(server.MaySetServerFiles(r)),
	}))
}

// read reads the form as it was sent; ok says that it can be tried.
func (p Pages) read(r *http.Request) (v formView, e catalog.GroupEdit, ok bool, err error) {
	if err := r.ParseForm(); err != nil {
		return v, e, false, err
	}
	above, err := p.Catalog.SystemEffective(r.Context())
	if err != nil {
		return v, e, false, err
	}
	v.Group, v.Name = r.PathValue("group"), strings.TrimSpace(r.PostForm.Get("name"))
	v.Notes = strings.ReplaceAll(r.PostForm.Get("notes"), "\r\n", "\n")
	v.Settings, e.Settings, ok = policyform.Read(r.PostForm, above)
	v.Settings.For(server.MaySetServerFiles(r))
	emails := strings.Fields(r.PostForm.Get("emails"))
	v.Emails = strings.Join(emails, "\n")
	for _, m := range emails {
		if err := ident.CheckEmail(m); err != nil {
			v.EmailsError, ok = err.Error(), false
			break
		}
	}
	if !ok {
		v.Failed = "Nothing is saved yet: see the fields marked below."
	}
	e.Emails, e.Notes = &emails, &v.Notes
	return v, e, ok, nil
}

func (p Pages) add(w http.ResponseWriter, r *http.Request) error {
	v, e, ok, err := p.read(r)
	if err != nil {
		return err
	}
	if nameErr := ident.CheckGroup(v.Name); nameErr != nil {
		v.NameError, ok = nameErr.Error(), false
	}
	if ok {
		_, err = p.Catalog.AddGroup(r.Context(), v.Name, e)
	}
	if catalog.IsExists(err) {
		v.NameError, ok, err = err.Error(), false, nil
	}
	if text, told := server.Told(err); err != nil && told {
		v.Failed, ok, err = text, false, nil
	}
	if err != nil {
		return err
	}
	if !ok {
		return server.Render(w, r, http.StatusUnprocessableEntity, formPage(v))
	}
	return server.Changed(w, r, "/groups/"+v.Name, "Added group "+v.Name+".", nil)
}

func (p Pages) edit(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("group")
	v, e, ok, err := p.read(r)
	if err != nil {
		return err
	}
	if ok {
		_, err = p.Catalog.EditGroup(r.Context(), name, e)
	}
	if text, told := server.Told(err); err != nil && told {
		v.Failed, ok, err = text, false, nil
	}
	if err != nil {
		return err
	}
	if !ok {
		return server.Render(w, r, http.StatusUnprocessableEntity, formPage(v))
	}
	hosts, err := p.hostsOf(r.Context(), name)
	if err != nil {
		return err
	}
	done := "Changed group " + name + "."
	return server.Changed(w, r, "/groups/"+name, done, p.Operator.Reschedule(r.Context(), done, hosts...))
}
