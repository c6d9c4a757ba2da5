package operate

import (
	"context"

	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/worker"
	"planb/workflows"
)

// AddHost adds a host, and its schedule. Errors: those of the catalog, and
// *UnavailableError once the catalog has it.
func (o Operator) AddHost(ctx context.Context, n catalog.NewHost) error {
	h, err := o.Catalog.AddHost(ctx, n)
	if err != nil {
		return err
	}
	return o.Reschedule(ctx, "the host is added", h.Ident())
}

// EditHost changes a host, and its schedule with it. Errors: those of the
// catalog, and *UnavailableError once the catalog has it.
func (o Operator) EditHost(ctx context.Context, host ident.Host, e catalog.HostEdit) error {
	if _, err := o.Catalog.EditHost(ctx, host, e); err != nil {
		return err
	}
	return o.Reschedule(ctx, "the host is changed", host)
}

// ForgetJumpHostKeys forgets the keys of the jump host on the way to a host: those
// of the next contact are pinned, for all hosts behind it. Errors: those of the
// catalog.
func (o Operator) ForgetJumpHostKeys(ctx context.Context, host ident.Host) error {
	effective, err := o.Catalog.Effective(ctx, host)
	if err != nil {
		return err
	}
	if effective.JumpHost.Value == "" {
		return &catalog.RefusedError{Reason: "host " + host.String() + " has no jump host whose keys could be forgotten"}
	}
	return o.Catalog.ForgetJumpHostKeys(ctx, effective.JumpHost.Value)
}

// LikeHost gives a new host what a clone of another one begins with: its
// storage, tags, notes and settings, but neither address nor keys.
func (o Operator) LikeHost(ctx context.Context, from ident.Host) (n catalog.NewHost, err error) {
	like, err := o.Catalog.Host(ctx, from)
	if err != nil {
		return n, err
	}
	n = catalog.NewHost{Notes: like.Notes, Tags: like.Tags}
	if like.Storage != "" {
		n.Storage = like.Server + ":" + like.Storage
	}
	n.Settings, err = o.Catalog.Settings(ctx, catalog.OfHost(from))
	return n, err
}

// Rename gives a host another name; its data goes along. Errors: those of the
// catalog and of await.
func (o Operator) Rename(ctx context.Context, host, to ident.Host, actor string) error {
	done, err := o.renameRecord(ctx, host, to)
	if done || err != nil {
		return err
	}
	return await(ctx, "the rename of "+host.String(), func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartRename(ctx, o.Temporal, workflows.RenameInput{Host: host, To: to, Actor: actor})
	}, nil)
}

// Remove forgets a host. Its data stays for the grace time, unless purge has it
// destroyed at once. Errors: those of the catalog and of await.
func (o Operator) Remove(ctx context.Context, host ident.Host, purge bool, actor string) (fate workflows.DeleteResult, err error) {
	done, err := o.removeRecord(ctx, host, purge)
	if done || err != nil {
		return fate, err
	}
	err = await(ctx, "the removal of "+host.String(), func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartDelete(ctx, o.Temporal, workflows.DeleteInput{Host: host, Purge: purge, Actor: actor})
	}, &fate)
	return fate, err
}

// MayPurge refuses to destroy data of which a snapshot is held.
func MayPurge(snaps []catalog.Snapshot) error {
	for _, s := range snaps {
		if s.Holds > 0 {
			return &catalog.RefusedError{Reason: "the snapshot " + s.Host + "@" + s.Name + " is held: release it first"}
		}
	}
	return nil
}

// Probe looks whether a host could be backed up, as it is or as it is about to
// be saved. Errors: those of await, and *catalog.ForbiddenError.
func (o Operator) Probe(ctx context.Context, in workflows.ProbeInput) (report activities.ProbeReport, err error) {
	if in.Draft != nil {
		before, err := o.Catalog.Settings(ctx, catalog.OfHost(in.Host))
		if err != nil && !catalog.IsNotFound(err) {
			return report, err
		}
		if err := catalog.CheckServerFiles(ctx, before, in.Draft.Settings); err != nil {
			return report, err
		}
	}
	err = await(ctx, "the look at "+in.Host.String(), func(ctx context.Context) (client.WorkflowRun, error) {
		return worker.StartProbe(ctx, o.Temporal, in)
	}, &report)
	return report, err
}
