package restore

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/web/restore/place"
	"planb/web/server"
	"planb/web/ui"
	"planb/workflows"
)

const (
	// mostChanges is how many paths a preview lists.
	mostChanges = 2000
	// mostLog is how much of a log is read for them, in bytes.
	mostLog = 16 << 20
	// logPatience bounds that.
	logPatience = 10 * time.Second
)

// previewView is the page of what a restore would do.
type previewView struct {
	Host, ID string
	// Run is nil until the run is on record.
	Run     *catalog.Run
	In      workflows.RestoreInput
	Counts  rsync.RestoreCounts
	Changes []rsync.RestoredPath
	// Trouble is why the list is not there.
	Trouble string
}

// waits says whether the page is to be looked at again by itself.
func (v previewView) waits() bool { return v.Run == nil || v.Run.Finished == nil }

// ready says whether the restore can be started from it.
func (v previewView) ready() bool {
	return v.Run != nil && v.Run.Finished != nil && (v.Run.State == policy.StateOK || v.Run.State == policy.StateWarning)
}

// more is how many paths are not listed.
func (v previewView) more() int64 {
	return v.Counts.New + v.Counts.Overwritten + v.Counts.Kept + v.Counts.Deleted - int64(len(v.Changes))
}

// preview shows what a dry run found. A restore that is one leads to its run.
func (p Pages) preview(w http.ResponseWriter, r *http.Request) error {
	host, run, err := p.runOf(r)
	v := previewView{Host: host.String(), ID: r.PathValue("run")}
	if catalog.IsNotFound(err) {
		// The workflow enters its run in the catalog as its first step.
		return server.Render(w, r, http.StatusOK, previewPage(v))
	}
	if err != nil {
		return err
	}
	v.ID, v.Run = run.ID, &run
	if v.In, err = p.Operator.RestoreAsked(r.Context(), run); err != nil {
		return err
	}
	if !v.In.DryRun {
		if r.Header.Get("HX-Request") == "true" {
			w.Header().Set("HX-Redirect", "/runs/"+run.ID)
			return nil
		}
		return server.Redirect(w, r, "/runs/"+run.ID, ui.Good, "")
	}
	if run.Finished != nil {
		var detail struct {
			Restored rsync.RestoreCounts `json:"restored"`
		}
		_ = json.Unmarshal(run.Detail, &detail) // absent for one that failed early
		v.Counts = detail.Restored
		v.Changes, err = p.changes(r.Context(), run, server.Who(r).Actor())
		if err != nil {
			v.Trouble = "The list of files cannot be read now: " + err.Error()
		}
	}
	return server.Render(w, r, http.StatusOK, previewPage(v))
}

// changes reads the list out of the log of a run.
func (p Pages) changes(ctx context.Context, run catalog.Run, subject string) ([]rsync.RestoredPath, error) {
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	var list []rsync.RestoredPath
	var rest []byte
	for offset := int64(0); offset < mostLog; {
		part, err := p.Files.Log(ctx, run, subject, offset, 0)
		if err != nil {
			return list, err
		}
		rest = append(rest, part.Data...)
		i := bytes.LastIndexByte(rest, '\n')
		for line := range strings.Lines(string(rest[:i+1])) {
			if c, ok := rsync.ParseRestoredPath(strings.TrimSuffix(line, "\n")); ok {
				list = append(list, c)
			}
			if len(list) == mostChanges {
				return list, nil
			}
		}
		rest = rest[i+1:]
		if len(part.Data) == 0 || part.Next >= part.Size {
			break
		}
		offset = part.Next
	}
	return list, nil
}

// carryOut starts just what a preview has shown.
func (p Pages) carryOut(w http.ResponseWriter, r *http.Request) error {
	host, run, err := p.runOf(r)
	if err != nil {
		return err
	}
	in, err := p.Operator.RestoreAsked(r.Context(), run)
	if err != nil {
		return err
	}
	v := previewView{Run: &run}
	if !in.DryRun || !v.ready() {
		return server.Refused("Only a preview that has ended well can be carried out: look at it again.")
	}
	// The rights of who starts it count, not of who looked at it first.
	if err := place.For(server.Who(r), p.Dir, host.Group).Allows(in); err != nil {
		return err
	}
	in.DryRun, in.Actor = false, server.Who(r).Actor()
	id, err := p.Operator.Restore(r.Context(), in)
	if err != nil {
		return err
	}
	return server.Redirect(w, r, "/hosts/"+host.String()+"/restore/"+id, ui.Good, "The restore was started.")
}
