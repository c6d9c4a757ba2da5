package reconcile

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/mocks"

	"planb/internal/catalog"
)

// Schedules that were made to agree at once are nothing to tell; those that go on
// to differ are.
func TestSchedulesThatGoOnToDifferAreTold(t *testing.T) {
	t.Parallel()
	r, _ := newReconciler(t, mocks.NewClient(t))
	at := now
	r.Now = func() time.Time { return at }
	look := func(differ int, failed error) (kinds []string) {
		t.Helper()
		require.NoError(t, r.tell(t.Context(), differ, failed))
		at = at.Add(schedulesEvery)
		list, err := r.Catalog.Notices(t.Context(), catalog.NoticeQuery{Visible: catalog.Everything(), All: true, Limit: 10})
		require.NoError(t, err)
		for _, n := range list.Notices {
			kinds = append(kinds, n.Kind)
		}
		return kinds
	}
	require.Empty(t, look(3, nil))
	require.Empty(t, look(0, nil))
	require.Empty(t, look(0, errors.New("no Temporal")))
	require.Empty(t, look(1, nil))
	require.Equal(t, []string{"schedules"}, look(1, nil))
	require.Equal(t, []string{"schedules"}, look(1, nil), "once")
	require.Equal(t, []string{"recovered", "schedules"}, look(0, nil))
}
