package activities

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"planb/internal/catalog"
	"planb/internal/command"
	"planb/internal/ident"
	"planb/internal/rsync"
	"planb/internal/zfs"
)

// LoadRestoreInput names the snapshot that files are wanted from.
type LoadRestoreInput struct {
	Host ident.Host `json:"host"`
	// Snapshot is a name; empty means the newest good one.
	Snapshot   string    `json:"snapshot,omitempty"`
	Run        string    `json:"run"`
	WorkflowID string    `json:"workflow_id"`
	Started    time.Time `json:"started"`
}

// RestorePlan is where the files are.
type RestorePlan struct {
	Run      string     `json:"run"`
	HostID   string     `json:"host_id"`
	Host     ident.Host `json:"host"`
	Server   string     `json:"server"`
	Dataset  string     `json:"dataset"`
	Snapshot string     `json:"snapshot"`
}

// LoadRestore finds the snapshot and enters the run in the catalog.
func (c *Control) LoadRestore(ctx context.Context, in LoadRestoreInput) (RestorePlan, error) {
	h, err := c.Catalog.Host(ctx, in.Host)
	if err != nil {
		return RestorePlan{}, refused("reading the host", err)
	}
	snapshot := in.Snapshot
	if snapshot == "" {
		snapshot = h.LastGoodSnapshot
	}
	if snapshot == "" || h.Dataset == "" {
		return RestorePlan{}, permanent(ErrTypeRefused, in.Host.String()+" has no good snapshot yet", "back it up first", nil)
	}
	err = c.Catalog.BeginRun(ctx, catalog.RunStart{
		ID: in.Run, WorkflowID: in.WorkflowID, HostID: h.ID, Host: in.Host,
		Kind: KindRestore, Trigger: TriggerManual, Started: in.Started,
	})
	if err != nil {
		return RestorePlan{}, refused("entering the run", err)
	}
	return RestorePlan{
		Run: in.Run, HostID: h.ID, Host: in.Host, Server: h.Server, Dataset: h.Dataset, Snapshot: snapshot,
	}, nil
}

// RestoreActivityInput says which files go where.
type RestoreActivityInput struct {
	Plan      RestorePlan `json:"plan"`
	Paths     []string    `json:"paths"`
	To        string      `json:"to"`
	Overwrite bool        `json:"overwrite,omitempty"`
}

// Restore copies files of a snapshot into a directory of this server.
func (s *Storage) Restore(ctx context.Context, in RestoreActivityInput) (PullResult, error) {
	p := in.Plan
	if err := s.refuseTarget(ctx, in.To); err != nil {
		return PullResult{}, err
	}
	view, err := s.ZFS.OpenSnapshot(ctx, p.Dataset, p.Snapshot)
	if errors.Is(err, zfs.ErrNotExist) {
		return PullResult{}, permanent(ErrTypeRefused, err.Error(), "see planb snapshots "+p.Host.String(), err)
	}
	if err != nil {
		return PullResult{}, fmt.Errorf("opening %s@%s: %w", p.Dataset, p.Snapshot, err)
	}
	defer view.Close() // one that stays is cleaned at the next start
	can, err := s.ZFS.Abilities(ctx, p.Dataset)
	if err != nil {
		return PullResult{}, fmt.Errorf("trying what %s can hold: %w", p.Dataset, err)
	}
	log, err := s.openLog(p.Run)
	if err != nil {
		return PullResult{}, err
	}
	defer log.Close()
	fmt.Fprintf(log, "%s restore of %s@%s to %s: %s\n", s.stamp(), p.Host, p.Snapshot, in.To, strings.Join(in.Paths, " "))

	var latest atomic.Pointer[Progress]
	latest.Store(&Progress{})
	ctx, stop := s.beat(ctx, log, func() any { return *latest.Load() })
	defer stop()
	report, err := rsync.RunCopy(ctx, rsync.Copy{
		Source: filepath.Join(view.Path(), DataDir), Paths: in.Paths, Dest: in.To,
		Super: s.Root, FakeSuper: !s.Root && can.Xattrs, ACLs: can.ACLs, Xattrs: can.Xattrs, Overwrite: in.Overwrite,
	}, rsync.RunOptions{Log: log, OnProgress: func(p rsync.Progress) { latest.Store(&p) }})
	if ctx.Err() != nil {
		return PullResult{}, context.Cause(ctx)
	}
	return restored(report, err)
}

// restored tells what a person has to mend from what passes.
func restored(report rsync.CopyReport, err error) (PullResult, error) {
	var missing *rsync.MissingError
	var link *rsync.LinkError
	switch {
	case errors.As(err, &missing), errors.As(err, &link):
		return PullResult{}, permanent(ErrTypeRefused, err.Error(), "", nil)
	case command.NotFound(err):
		return PullResult{}, permanent(ErrTypeRefused, "the storage server has no rsync", "install rsync there", err)
	case err != nil:
		return PullResult{}, fmt.Errorf("running rsync: %w", err)
	case report.State == rsync.Failed:
		return PullResult{}, permanent(ErrTypePull, report.Message, report.Remedy, nil)
	}
	out := pullResult(report.Result)
	if report.Stats != nil {
		// Nothing came over a wire: what was written counts.
		out.BytesTransferred = report.Stats.Literal + report.Stats.Matched
	}
	return out, nil
}

// refuseTarget keeps a restore out of the datasets that backups are in.
func (s *Storage) refuseTarget(ctx context.Context, to string) error {
	if !filepath.IsAbs(to) {
		return permanent(ErrTypeRefused, fmt.Sprintf("%q is no place to restore to", to), "give an absolute directory", nil)
	}
	for _, parent := range s.Parents {
		d, err := s.ZFS.Dataset(ctx, parent)
		if err != nil {
			continue
		}
		if isWithin(realPath(to), realPath(d.Mountpoint)) {
			return permanent(ErrTypeRefused, to+" is inside the storage "+parent+", where the backups are", "restore to a directory elsewhere", nil)
		}
	}
	return nil
}

func isWithin(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// realPath follows the symbolic links in the part of a path that is there.
func realPath(path string) string {
	path = filepath.Clean(path)
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	if filepath.Dir(path) == path {
		return path
	}
	return filepath.Join(realPath(filepath.Dir(path)), filepath.Base(path))
}
