package hosts

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"planb/activities"
	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/sshx"
	"planb/web/policyform"
	"planb/web/server"
	"planb/worker/operate"
	"planb/workflows"
)

// formView is the form for a new host, or to change one.
type formView struct {
	// host is the one that is changed; its name is empty for a new one.
	host catalog.Host
	// The fields as they were typed; keys and tags are one a line and one a word.
	group, name, address, storage, dataset, tags, keys, notes string
	// errs are by the names of fields.
	errs     map[string]string
	settings policyform.Form
	failed   string
	// groups and storages are what can be chosen.
	groups, storages []string
	preview          preview
	report           *activities.ProbeReport
	probeFailed      string
}

func (v formView) isNew() bool { return v.host.Name == "" }

// action is where the form posts to.
func (v formView) action() string {
	if v.isNew() {
		return "/hosts/new"
	}
	return base(v.host.Ident()) + "/edit"
}

func (v formView) back() string {
	if v.isNew() {
		return "/hosts"
	}
	return base(v.host.Ident())
}

// draft is what the form says, checked.
type draft struct {
	host     ident.Host
	address  ident.Address
	tags     []string
	keys     []string
	settings policy.Settings
	change   func(*policy.Settings) error
}

func (p Page) askNew(w http.ResponseWriter, r *http.Request) error {
	v := formView{group: r.FormValue("group")}
	var own policy.Settings
	if like := r.FormValue("like"); like != "" {
		from, err := ident.ParseHost(like)
		if err != nil || !server.Who(r).Sees(from.Group) {
			return server.ErrNotFound
		}
		n, err := p.Operator.LikeHost(r.Context(), from)
		if err != nil {
			return err
		}
		v.group, v.storage, v.tags, v.notes, own = from.Group, n.Storage, strings.Join(n.Tags, " "), n.Notes, n.Settings
	}
	if err := p.choices(r, &v); err != nil {
		return err
	}
	if v.group == "" && len(v.groups) == 1 {
		v.group = v.groups[0]
	}
	above, err := p.above(r, v.group)
	if err != nil {
		return err
	}
	if !server.MaySetServerFiles(r) {
		own.ForgetServerFiles() // a copy would set them anew
	}
	v.settings = fresh(policyform.New(own, above)).For(server.MaySetServerFiles(r))
	v.preview = p.foresee(r.Context(), v, own)
	return server.Render(w, r, http.StatusOK, formPage(v))
}

// fresh makes every value of a form one that its reader set: nothing of a new
// host is there yet.
func fresh(form policyform.Form) policyform.Form {
	for _, s := range form.Sections {
		for i := range s.Fields {
			s.Fields[i].Was = ""
		}
	}
	return form
}

func (p Page) askEdit(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	own, err := p.Catalog.Settings(r.Context(), catalog.OfHost(h.Ident()))
	if err != nil {
		return err
	}
	above, err := p.above(r, h.Group)
	if err != nil {
		return err
	}
	v := formView{
		host: h, group: h.Group, name: h.Name, address: ident.Address{Host: h.Address, Module: h.Module}.String(),
		storage: storageOf(h), dataset: h.Dataset, tags: strings.Join(h.Tags, " "), keys: strings.Join(h.HostKeys, "\n"),
		notes: h.Notes, settings: policyform.New(own, above).For(server.MaySetServerFiles(r)),
	}
	if err := p.choices(r, &v); err != nil {
		return err
	}
	v.preview = p.foresee(r.Context(), v, own)
	return server.Render(w, r, http.StatusOK, formPage(v))
}

func storageOf(h catalog.Host) string {
	if h.Storage == "" {
		return ""
	}
	return h.Server + ":" + h.Storage
}

// above gives what a host of the group inherits; of a group that the reader may
// not manage it tells nothing.
func (p Page) above(r *http.Request, group string) (policy.Effective, error) {
	if !server.Who(r).May(access.Manage, access.OfGroup(group)) {
		group = ""
	}
	return p.Catalog.EffectiveWith(r.Context(), group, policy.Settings{})
}

// choices fills what can be chosen.
func (p Page) choices(r *http.Request, v *formView) error {
	groups, err := p.Catalog.Groups(r.Context())
	if err != nil {
		return err
	}
	for _, g := range groups {
		if server.Who(r).May(access.Manage, access.OfGroup(g.Name)) {
			v.groups = append(v.groups, g.Name)
		}
	}
	storages, err := p.Catalog.Storages(r.Context())
	for _, s := range storages {
		v.storages = append(v.storages, s.Server+":"+s.Dataset)
	}
	return err
}

// read reads the form as it was sent; what is wrong is in errs of the view.
func (p Page) readForm(r *http.Request, h catalog.Host) (v formView, d draft, err error) {
	if err := r.ParseForm(); err != nil {
		return v, d, err
	}
	get := func(name string) string {
		return strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n"))
	}
	v = formView{
		host: h, group: h.Group, name: h.Name, address: get("address"), storage: get("storage"), dataset: get("dataset"),
		tags: get("tags"), keys: get("host_keys"), notes: get("notes"), errs: map[string]string{},
	}
	if v.isNew() {
		v.group, v.name = get("group"), get("name")
	}
	if err := p.choices(r, &v); err != nil {
		return v, d, err
	}
	above, err := p.above(r, v.group)
	if err != nil {
		return v, d, err
	}
	var ok bool
	if v.settings, d.change, ok = policyform.Read(r.PostForm, above); !ok {
		v.errs["settings"] = "see the settings marked below"
	}
	v.settings.For(server.MaySetServerFiles(r))
	v.check(r, &d)
	if !v.isNew() {
		if d.settings, err = p.Catalog.Settings(r.Context(), catalog.OfHost(h.Ident())); err != nil {
			return v, d, err
		}
	}
	if ok {
		err = d.change(&d.settings)
		if err == nil {
			err = d.settings.Validate()
		}
		if text, told := server.Told(err); err != nil && told {
			v.errs["settings"], err = text, nil
		}
	}
	if len(v.errs) > 0 {
		v.failed = "Nothing is saved yet: see what is marked below."
	}
	return v, d, err
}

// check reads the fields of the host itself into d.
func (v formView) check(r *http.Request, d *draft) {
	refuse := func(field string, err error) {
		if err != nil {
			v.errs[field], _ = server.Told(err)
		}
	}
	d.host = ident.Host{Group: v.group, Name: v.name}
	if v.isNew() {
		refuse("group", ident.CheckGroup(v.group))
		refuse("name", ident.CheckHostName(v.name))
		if v.errs["group"] == "" && !server.Who(r).May(access.Manage, access.OfGroup(v.group)) {
			v.errs["group"] = "You may not add hosts to this group: ask an admin of it."
		}
	}
	var err error
	d.address, err = ident.ParseAddress(v.address)
	refuse("address", err)
	if v.dataset != "" {
		refuse("dataset", ident.CheckDataset(v.dataset))
	}
	d.tags = slices.Compact(slices.Sorted(slices.Values(strings.Fields(v.tags))))
	for _, tag := range d.tags {
		refuse("tags", ident.CheckLabel(tag))
	}
	var lines []string
	for line := range strings.SplitSeq(v.keys, "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if d.keys, err = sshx.ParseHostKeys(lines); err != nil {
		v.errs["host_keys"] = upper(err.Error())
	}
}

func (p Page) add(w http.ResponseWriter, r *http.Request) error {
	v, d, err := p.readForm(r, catalog.Host{})
	if err != nil {
		return err
	}
	if done, err := p.onlyLook(w, r, &v, d); done || err != nil {
		return err
	}
	err = p.Operator.AddHost(r.Context(), catalog.NewHost{
		Host: d.host, Address: d.address.Host, Module: d.address.Module, Storage: v.storage, Dataset: v.dataset,
		Notes: v.notes, Tags: d.tags, HostKeys: d.keys, Settings: d.settings, AddGroup: mayAddGroups(r),
	})
	return p.saved(w, r, v, d, err, "Added "+d.host.String()+". Look at the host, or back it up now.")
}

// mayAddGroups says whether a group that is not there is made along.
func mayAddGroups(r *http.Request) bool {
	all, _ := server.Who(r).Groups(access.Manage)
	return all
}

func (p Page) edit(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	v, d, err := p.readForm(r, h)
	if err != nil {
		return err
	}
	if done, err := p.onlyLook(w, r, &v, d); done || err != nil {
		return err
	}
	return p.saved(w, r, v, d, p.Operator.EditHost(r.Context(), h.Ident(), d.edit(v)), "Changed "+h.Ident().String()+".")
}

// edit is what of the host is to become another.
func (d draft) edit(v formView) catalog.HostEdit {
	h, e := v.host, catalog.HostEdit{Settings: d.change}
	if d.address.Host != h.Address || d.address.Module != h.Module {
		e.Address, e.Module = &d.address.Host, &d.address.Module
	}
	if v.notes != h.Notes {
		e.Notes = &v.notes
	}
	if !slices.Equal(d.tags, h.Tags) {
		e.Tags = &d.tags
	}
	if !slices.Equal(d.keys, h.HostKeys) {
		e.HostKeys = &d.keys
	}
	if !h.DatasetMade && v.storage != "" && v.storage != storageOf(h) {
		e.Storage = &v.storage
	}
	if !h.DatasetMade && v.dataset != h.Dataset {
		e.Dataset = &v.dataset
	}
	return e
}

// onlyLook answers a form that is not to be saved: one that is wrong, one whose
// preview is asked for, one whose host is to be looked at.
func (p Page) onlyLook(w http.ResponseWriter, r *http.Request, v *formView, d draft) (done bool, err error) {
	do, status := r.PostForm.Get("do"), http.StatusOK
	if do != "check" && do != "probe" {
		if len(v.errs) == 0 {
			return false, nil
		}
		status = http.StatusUnprocessableEntity
	}
	if do == "probe" {
		if err := p.tryDraft(r, v, d); err != nil {
			return true, err
		}
	}
	v.preview = p.foresee(r.Context(), *v, d.settings)
	return true, server.Render(w, r, status, formPage(*v))
}

// tryDraft looks at the host as it is about to be saved.
func (p Page) tryDraft(r *http.Request, v *formView, d draft) (err error) {
	if len(v.errs) > 0 {
		v.probeFailed = "The host is looked at once nothing in the form is wrong any more."
		return nil
	}
	v.report, v.probeFailed, err = p.look(r, workflows.ProbeInput{Host: d.host, Draft: &activities.HostDraft{
		Address: d.address.Host, Module: d.address.Module, Storage: v.storage, HostKeys: d.keys, Settings: d.settings,
	}})
	return err
}

// saved leads to the host's page, or shows the form again with what was wrong.
func (p Page) saved(w http.ResponseWriter, r *http.Request, v formView, d draft, err error, done string) error {
	var away *operate.UnavailableError
	if err == nil || errors.As(err, &away) {
		return server.Changed(w, r, base(d.host), done, err)
	}
	text, told := server.Told(err)
	if !told && !catalog.IsNotFound(err) {
		return err
	}
	if text == "" {
		text = upper(err.Error())
	}
	v.failed = text
	status := http.StatusUnprocessableEntity
	if !catalog.IsInvalid(err) {
		status = http.StatusConflict
	}
	v.preview = p.foresee(r.Context(), v, d.settings)
	return server.Render(w, r, status, formPage(v))
}
