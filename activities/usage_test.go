package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

// What is billed is what the pool says, of a real dataset.
func TestUsageIsWhatThePoolSays(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	here := UsageHost{ID: "h1", Dataset: s.plan.Dataset, Storage: s.plan.Storage}
	gone := UsageHost{ID: "h2", Dataset: s.plan.Storage + "/acme/gone", Storage: s.plan.Storage}
	found := do[[]MeasuredUsage](s, s.Usage, []UsageHost{gone, here})
	require.Len(t, found, 1, "one that is not there takes nothing")
	d, err := s.ZFS.Dataset(t.Context(), here.Dataset)
	require.NoError(t, err)
	require.Equal(t, MeasuredUsage{HostID: "h1", Used: d.Used, Referenced: d.Referenced, LogicalUsed: found[0].LogicalUsed, At: s.now}, found[0])
	if d.LogicalUsed < 0 {
		require.Nil(t, found[0].LogicalUsed)
	} else {
		require.Equal(t, d.LogicalUsed, *found[0].LogicalUsed)
	}
	require.Positive(t, found[0].Used)

	away := UsageHost{ID: "h3", Dataset: "nosuchpool/B/acme/web1", Storage: "nosuchpool/B"}
	_, err = try[[]MeasuredUsage](s, s.Usage, []UsageHost{here, away})
	require.Equal(t, ErrTypeStorage, ErrType(err), "a storage that is away is no host without data")
}
