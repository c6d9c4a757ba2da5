package hosts

import (
	"net/http"
	"strings"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
	"planb/web/ui"
	"planb/workflows"
)

// renameView is the form for another name.
type renameView struct {
	host       catalog.Host
	to, failed string
}

func (p Page) askRename(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, renamePage(renameView{host: h, to: h.Ident().String()}))
}

func (p Page) rename(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	v := renameView{host: h, to: strings.TrimSpace(r.PostFormValue("to"))}
	to, err := ident.ParseHost(v.to)
	if err == nil && !server.Who(r).May(access.Manage, access.OfGroup(to.Group)) {
		err = server.Invalid("You may not move hosts to the group " + to.Group + ": ask an admin of it.")
	}
	if err == nil {
		err = p.Operator.Rename(r.Context(), h.Ident(), to, server.Who(r).Actor())
	}
	if err == nil {
		return server.Redirect(w, r, base(to), ui.Good, "Renamed "+h.Ident().String()+".")
	}
	if text, told := server.Told(err); told || catalog.IsNotFound(err) {
		v.failed = text
		status := http.StatusUnprocessableEntity
		if catalog.IsRefused(err) || catalog.IsExists(err) || catalog.IsBusy(err) {
			status = http.StatusConflict
		}
		return server.Render(w, r, status, renamePage(v))
	}
	return p.told(w, r, base(h.Ident()), err)
}

// removeView is the page that asks before a host is forgotten.
type removeView struct {
	host   catalog.Host
	purge  bool
	failed string
}

func (p Page) askRemove(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, removePage(removeView{host: h}))
}

func (p Page) remove(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	v := removeView{host: h, purge: r.PostFormValue("purge") != ""}
	if r.PostFormValue("confirm") != h.Ident().String() {
		v.failed = "The name that was typed is another one: nothing was done."
		return server.Render(w, r, http.StatusUnprocessableEntity, removePage(v))
	}
	fate, err := p.Operator.Remove(r.Context(), h.Ident(), v.purge, server.Who(r).Actor())
	if err != nil {
		if text, told := server.Told(err); told {
			v.failed = text
			return server.Render(w, r, http.StatusConflict, removePage(v))
		}
		return p.told(w, r, base(h.Ident()), err)
	}
	return server.Redirect(w, r, "/hosts", ui.Good, "Deleted "+h.Ident().String()+"."+fateOf(fate))
}

// fateOf says what becomes of the data of a host that was removed.
func fateOf(f workflows.DeleteResult) string {
	switch {
	case f.Destroyed:
		return " Its data is destroyed."
	case !f.There:
		return " There is no data of it."
	}
	return " Its data stays in dataset " + f.Dataset + " on server " + f.Server + " until " + ui.Stamp(f.Expires) + "."
}
