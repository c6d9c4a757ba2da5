package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"planb/activities"
	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/tree"
	"planb/web/restore/place"
	"planb/web/server"
	"planb/worker/operate"
	"planb/workflows"
)

// Prune says how a host is pruned.
type Prune struct {
	// DryRun only plans.
	DryRun bool `json:"dry_run,omitempty"`
	// Agreed lets go most of the snapshots, where the plan asks first.
	Agreed bool `json:"agreed,omitempty"`
}

// Verification says what is proven.
type Verification struct {
	// Snapshot is the newest good one when it is empty.
	Snapshot string `json:"snapshot,omitempty"`
	// Sample takes other files than the policy says, as in random=50,largest=5;
	// All takes every file.
	Sample string `json:"sample,omitempty"`
	All    bool   `json:"all,omitempty"`
}

// Restore says what is brought back, and where to: one of To, Tar and ToHost.
type Restore struct {
	// Snapshot is the newest good one when it is empty.
	Snapshot string   `json:"snapshot,omitempty"`
	Paths    []string `json:"paths"`
	// To is a directory on the storage server, Tar an archive there. Who is no
	// admin of all groups gives a name, which is made below the directory for
	// restores.
	To  string `json:"to,omitempty"`
	Tar string `json:"tar,omitempty"`
	// ToHost is group/name; Prefix a directory there instead of the original
	// place.
	ToHost    string `json:"to_host,omitempty"`
	Prefix    string `json:"prefix,omitempty"`
	Overwrite bool   `json:"overwrite,omitempty"`
	Delete    bool   `json:"delete,omitempty"`
	// AsSelf restores to a directory without owners, devices, ACLs and attributes.
	AsSelf bool `json:"as_self,omitempty"`
	// DryRun changes nothing: the log of the run lists what would change.
	DryRun bool `json:"dry_run,omitempty"`
}

// mostPaths bounds what one restore asks for; a directory takes all in it along.
const mostPaths = 1000

func (a API) work() []endpoint {
	const host = "/hosts/{group}/{host}"
	return []endpoint{
		{
			id: "pruneHost", method: http.MethodPost, path: host + "/prune",
			summary: "Remove the snapshots that retention no longer keeps, or with dry_run say which these are",
			right:   access.Manage, scope: server.InGroup, body: Prune{}, answer: workflows.PruneOutcome{}, handle: a.prune,
		},
		{
			id: "verifyHost", method: http.MethodPost, path: host + "/verify", summary: "Start to prove that a snapshot can be restored",
			right: access.Operate, scope: server.InGroup, body: Verification{}, answer: Started{}, handle: a.verify,
		},
		{
			id: "restoreHost", method: http.MethodPost, path: host + "/restore", summary: "Start to bring files of a snapshot back",
			right: access.Restore, scope: server.InGroup, body: Restore{}, answer: Started{}, handle: a.restore,
		},
	}
}

func (a API) prune(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	var in Prune
	if err := read(r, &in); err != nil {
		return err
	}
	h, err := a.Catalog.Host(r.Context(), host)
	if err != nil {
		return err
	}
	out := workflows.PruneOutcome{Plan: activities.PrunePlan{Snapshots: []activities.PlannedSnapshot{}}}
	if h.DatasetMade {
		out, err = a.Operator.Prune(r.Context(), workflows.PruneInput{Host: host, Dry: in.DryRun, Agreed: in.Agreed, Actor: server.Who(r).Actor()})
	}
	var later *operate.UnderWayError
	switch {
	case errors.As(err, &later):
		return server.Refused(later.Error() + ".")
	case err != nil:
		return err
	case out.Pruned.Withheld > 0:
		return server.Refused(fmt.Sprintf("The plan would remove %d of %d snapshots, so it asks first: look at it with dry_run, then say agreed.",
			out.Pruned.Withheld, out.Pruned.Kept))
	}
	return server.WriteJSON(w, http.StatusOK, out)
}

func (a API) verify(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	var in Verification
	if err := read(r, &in); err != nil {
		return err
	}
	ask := workflows.VerifyInput{Host: host, Snapshot: in.Snapshot, Trigger: activities.TriggerManual}
	switch {
	case in.All && in.Sample != "":
		return server.Invalid("all takes every file: leave sample out.")
	case in.All:
		ask.Sample = policy.Sample{All: true, Bytes: policy.DefaultSampleBytes}
	case in.Sample != "":
		if ask.Sample, err = policy.ParseSample(in.Sample); err != nil {
			return server.Invalid("sample: " + err.Error() + ".")
		}
	}
	run, err := a.Operator.Verify(r.Context(), ask)
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, Started{Run: run, WorkflowID: workflows.VerifyID(host)})
}

func (a API) restore(w http.ResponseWriter, r *http.Request) error {
	var ask Restore
	if err := read(r, &ask); err != nil {
		return err
	}
	in, err := a.restoreInput(r, ask)
	if err != nil {
		return err
	}
	if err := a.requirePaths(r, in); err != nil {
		return err
	}
	// RestoreHost itself notes who restores what to where.
	run, err := a.Operator.Restore(r.Context(), in)
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, Started{Run: run})
}

// restoreInput checks what is asked for, with the rules of the pages.
func (a API) restoreInput(r *http.Request, ask Restore) (in workflows.RestoreInput, err error) {
	host, err := server.HostOf(r)
	if err != nil {
		return in, err
	}
	in = workflows.RestoreInput{
		Host: host, Snapshot: ask.Snapshot, Overwrite: ask.Overwrite, Delete: ask.Delete, AsSelf: ask.AsSelf, DryRun: ask.DryRun,
		Actor: server.Who(r).Actor(),
	}
	snaps, err := a.Catalog.Snapshots(r.Context(), host)
	if err != nil {
		return in, err
	}
	if good, ok := catalog.LastGood(snaps, time.Time{}); in.Snapshot == "" && ok {
		in.Snapshot = good.Name
	}
	ways := 0
	for _, way := range []string{ask.To, ask.Tar, ask.ToHost} {
		if way != "" {
			ways++
		}
	}
	switch {
	case in.Snapshot == "":
		return in, server.Refused(host.String() + " has no good snapshot yet: there is nothing to restore from.")
	case !slices.ContainsFunc(snaps, func(s catalog.Snapshot) bool { return s.Name == in.Snapshot }):
		return in, &catalog.NotFoundError{Kind: "snapshot", Name: host.String() + "@" + in.Snapshot, Hint: "see planb snapshots " + host.String()}
	case len(ask.Paths) == 0:
		return in, server.Invalid("Say what to restore: paths is a list of the host's own paths, such as /etc.")
	case len(ask.Paths) > mostPaths:
		return in, server.Invalid("These are too many paths: give the directory that holds them.")
	case ways != 1:
		return in, server.Invalid("Say where to restore to: one of to, tar and to_host.")
	case ask.Prefix != "" && ask.ToHost == "":
		return in, server.Invalid("prefix goes with to_host.")
	case ask.AsSelf && ask.To == "":
		return in, server.Invalid("as_self goes with to: the other ways keep owners.")
	case ask.Delete && ask.Tar != "":
		return in, server.Invalid("delete does not go with an archive, which holds what it holds.")
	}
	for _, p := range ask.Paths {
		if p == "" || p[0] != '/' {
			return in, server.Invalid("Paths begin with /, as in /etc.")
		}
		in.Paths = append(in.Paths, tree.Clean(p))
	}
	rule := place.For(server.Who(r), a.RestoreDir, host.Group)
	switch {
	case ask.To != "":
		in.To, err = rule.OnServer(ask.To)
	case ask.Tar != "":
		in.Tar, err = rule.OnServer(ask.Tar)
	default:
		if in.ToHost, err = ident.ParseHost(ask.ToHost); err == nil {
			in.Prefix, err = ask.Prefix, rule.OnHost(in.ToHost, ask.Prefix)
		}
	}
	return in, err
}

// requirePaths refuses paths that the snapshot does not have before anything is
// started.
func (a API) requirePaths(r *http.Request, in workflows.RestoreInput) error {
	host, err := a.Catalog.Host(r.Context(), in.Host)
	if err != nil {
		return err
	}
	files, err := a.Files.Of(r.Context(), host, in.Actor)
	if err != nil {
		return err
	}
	for _, p := range in.Paths {
		if _, err := files.Stat(r.Context(), dataplane.At{Dataset: host.Dataset, Snap: in.Snapshot, Path: p}); err != nil {
			return err
		}
	}
	return nil
}
