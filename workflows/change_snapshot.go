package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/ident"
)

// ChangeSnapshotInput starts ChangeSnapshot.
type ChangeSnapshotInput struct {
	Host     ident.Host `json:"host"`
	Snapshot string     `json:"snapshot"`
	// Change is activities.ChangeHold, ChangeRelease or ChangeRemove.
	Change string `json:"change"`
	// Reason is that of a hold; Until its end, nil when it has none.
	Reason string     `json:"reason,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	// Actor is who asked for it.
	Actor string `json:"actor"`
}

// ChangeSnapshot holds, releases or removes one snapshot, and has the catalog
// know at once.
func ChangeSnapshot(ctx workflow.Context, in ChangeSnapshotInput) error {
	plan, err := loadDataset(ctx, in.Host)
	if err != nil {
		return err
	}
	full := plan.Dataset + "@" + in.Snapshot
	workflow.SetCurrentDetails(ctx, "**"+in.Change+"** "+full+", for "+in.Actor)
	err = workflow.ExecuteActivity(onStorage(ctx, plan.Server, in.Change+" "+full, 5*time.Minute),
		activities.ChangeSnapshotName, activities.ChangeSnapshotInput{
			Plan: plan, Snapshot: in.Snapshot, Change: in.Change, Reason: in.Reason, Until: in.Until,
		}).Get(ctx, nil)
	if err != nil {
		return err
	}
	detail := map[string]any{"snapshot": in.Snapshot}
	if in.Change == activities.ChangeHold {
		detail["reason"], detail["until"] = in.Reason, in.Until
	}
	return note(ctx, activities.NoteInput{Plan: plan, Actor: in.Actor, Action: "snapshot." + in.Change, Detail: detail})
}
