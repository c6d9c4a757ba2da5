package watch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/watch"
)

func TestSchedulesAndBilling(t *testing.T) {
	t.Parallel()
	now := time.Now()
	require.Empty(t, watch.Schedules(0, nil, now))
	require.Contains(t, watch.Schedules(2, nil, now)[0].Cause, "2 were found")
	f := watch.Schedules(0, errors.New("no Temporal"), now)[0]
	require.Equal(t, catalog.AboutSchedules, f.About)
	require.Contains(t, f.Cause, "no Temporal")
	require.Empty(t, watch.Billing(nil, now))
	b := watch.Billing([]string{"2026-11-26", "2026-11-24"}, now)[0]
	require.Equal(t, catalog.NoticeBilling, b.Kind)
	require.Contains(t, b.Cause, "2026-11-26, 2026-11-24")
	require.Contains(t, b.Remedy, "--date 2026-11-24")
}
