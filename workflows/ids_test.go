package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/ident"
	"planb/workflows"
)

func TestWorkflowsOfAHost(t *testing.T) {
	t.Parallel()
	h := ident.Host{Group: "acme", Name: "web1"}
	for _, id := range []string{
		workflows.BackupID(h), workflows.RestoreID(h, 3), workflows.VerifyID(h), workflows.PruneID(h, 4), workflows.DecideID(h),
		workflows.SnapshotID(h, 5), workflows.RenameID(h), workflows.DeleteID(h, 6), workflows.ProbeID(h),
	} {
		require.True(t, workflows.IsOf(id, h), id)
		require.False(t, workflows.IsOf(id, ident.Host{Group: "acme", Name: "web"}), id)
		require.False(t, workflows.IsOf(id, ident.Host{Group: "acme", Name: "web11"}), id)
	}
}
