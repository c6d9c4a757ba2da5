package restore

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/tree"
	"planb/web/browse"
	"planb/web/restore/place"
	"planb/web/server"
	"planb/web/ui"
	"planb/workflows"
)

// mostPaths bounds what one form asks for; a directory takes all in it along.
const mostPaths = 200

// The targets, as the form has them.
const (
	toDir  = "dir"
	toTar  = "tar"
	toHost = "host"
)

// formView is the form, with what was typed.
type formView struct {
	Host      ident.Host
	Snapshots []catalog.Snapshot
	Snap      string
	Paths     []string
	// Target is one of dir, tar and host.
	Target                    string
	Dir, Tar, ToHost, Prefix  string
	Overwrite, Delete, AsSelf bool
	place.Rule
	// Failed is why it was refused.
	Failed string
}

// read fills the form from a request.
func (p Pages) read(r *http.Request) (v formView, err error) {
	if v.Host, err = server.HostOf(r); err != nil {
		return v, err
	}
	snaps, err := p.Catalog.Snapshots(r.Context(), v.Host)
	if err != nil {
		return v, err
	}
	v.Snap = r.FormValue("snap")
	if good, ok := catalog.LastGood(snaps, time.Time{}); v.Snap == "" && ok {
		v.Snap = good.Name
	}
	slices.Reverse(snaps)
	v.Snapshots = snaps
	for _, one := range browse.Paths(r) {
		if !slices.Contains(v.Paths, one) {
			v.Paths = append(v.Paths, one)
		}
	}
	if more := strings.TrimSpace(r.FormValue("more")); more != "" {
		v.Paths = append(v.Paths, tree.Clean(more))
	}
	v.Target = cmp.Or(r.FormValue("target"), toDir)
	v.Dir, v.Tar = strings.TrimSpace(r.FormValue("dir")), strings.TrimSpace(r.FormValue("tar"))
	v.ToHost, v.Prefix = strings.TrimSpace(r.FormValue("to_host")), strings.TrimSpace(r.FormValue("prefix"))
	v.Overwrite, v.Delete, v.AsSelf = r.FormValue("overwrite") != "", r.FormValue("delete") != "", r.FormValue("as_self") != ""
	v.Rule = place.For(server.Who(r), p.Dir, v.Host.Group)
	return v, nil
}

// ask shows the form.
func (p Pages) ask(w http.ResponseWriter, r *http.Request) error {
	v, err := p.read(r)
	if err != nil {
		return err
	}
	name := v.Host.Name + "-" + p.Now().UTC().Format("20060102-1504")
	base := ""
	if v.Free {
		base = v.Base
	}
	v.Dir, v.Tar = cmp.Or(v.Dir, base+name), cmp.Or(v.Tar, base+name+".tar.zst")
	v.ToHost = cmp.Or(v.ToHost, v.Host.String())
	return server.Render(w, r, http.StatusOK, formPage(v))
}

// begin starts the preview, or the restore itself. What replaces or deletes
// files on a host is only started from its preview.
func (p Pages) begin(w http.ResponseWriter, r *http.Request) error {
	v, err := p.read(r)
	if err != nil {
		return err
	}
	in, err := p.input(r, v)
	told := ""
	if err == nil {
		in.DryRun = r.FormValue("do") != "start"
		if !in.DryRun && risky(in) {
			in.DryRun, told = true, "This replaces or deletes files on a host, so here is first what it would do. It can be started below."
		}
		var run string
		if run, err = p.Operator.Restore(r.Context(), in); err == nil {
			return server.Redirect(w, r, "/hosts/"+v.Host.String()+"/restore/"+run, ui.Busy, told)
		}
	}
	text, mendable := server.Told(err)
	if !mendable {
		return err
	}
	v.Failed = text
	return server.Render(w, r, http.StatusUnprocessableEntity, formPage(v))
}

// risky says whether a restore may take something away from a host.
func risky(in workflows.RestoreInput) bool {
	return in.ToHost != (ident.Host{}) && (in.Overwrite || in.Delete)
}

// input checks the form. Its errors are for the person who filled it in.
func (p Pages) input(r *http.Request, v formView) (in workflows.RestoreInput, err error) {
	in = workflows.RestoreInput{
		Host: v.Host, Snapshot: v.Snap, Paths: v.Paths, Overwrite: v.Overwrite, Delete: v.Delete, Actor: server.Who(r).Actor(),
	}
	switch {
	case len(v.Paths) == 0:
		return in, server.Invalid("Say what to restore: tick a path, or give one.")
	case len(v.Paths) > mostPaths:
		return in, server.Invalid("These are too many paths: choose the directory that holds them.")
	case !slices.ContainsFunc(v.Snapshots, func(s catalog.Snapshot) bool { return s.Name == v.Snap }):
		return in, server.Invalid("Choose the snapshot to restore from.")
	}
	switch v.Target {
	case toDir:
		in.To, err = v.OnServer(v.Dir)
		in.AsSelf = v.AsSelf
	case toTar:
		if in.Tar, err = v.OnServer(v.Tar); err == nil && v.Delete {
			err = server.Invalid("Deleting does not go with an archive, which holds what it holds.")
		}
	case toHost:
		if in.ToHost, err = ident.ParseHost(v.ToHost); err == nil {
			in.Prefix, err = v.Prefix, v.OnHost(in.ToHost, v.Prefix)
		}
	default:
		err = server.Invalid("Say where to restore to.")
	}
	if err != nil {
		return in, err
	}
	return in, p.requirePaths(r.Context(), in)
}

// requirePaths refuses paths that the snapshot does not have before anything is
// started.
func (p Pages) requirePaths(ctx context.Context, in workflows.RestoreInput) error {
	host, err := p.Catalog.Host(ctx, in.Host)
	if err != nil {
		return err
	}
	files, err := p.Files.Of(ctx, host, in.Actor)
	if err != nil {
		return err
	}
	for _, one := range in.Paths {
		_, err := files.Stat(ctx, dataplane.At{Dataset: host.Dataset, Snap: in.Snapshot, Path: one})
		if text, _ := tree.Escape(one); err != nil && errors.Is(err, dataplane.ErrNotFound) {
			return server.Invalid("The snapshot " + in.Snapshot + " has no " + text + ".")
		} else if err != nil {
			return err
		}
	}
	return nil
}
