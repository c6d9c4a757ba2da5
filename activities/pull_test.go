package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

// What only a person can mend on the storage server ends a pull in the end, and
// does not keep it under way for days.
func TestPullGivesUpOnItsOwnServer(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	s.plan.Trigger = TriggerManual
	in := PullInput{Plan: s.plan, Prepared: Prepared{Data: s.dataDir()}}
	require.NoError(t, s.ZFS.DestroyDataset(t.Context(), s.plan.Dataset))

	s.now = time.Now()
	_, err := try[PullResult](s, s.Pull, in)
	require.Error(t, err)
	require.NotContains(t, PermanentTypes(), ErrType(err), "tried again")
	s.now = time.Now().Add(manualPatience + time.Minute)
	require.Contains(t, s.refuses(ErrTypePull, s.Pull, in), s.plan.Dataset)
}
