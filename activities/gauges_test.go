package activities

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"planb/internal/zfs"
)

func TestGaugesFollowTransfers(t *testing.T) {
	t.Parallel()
	s := &Storage{ZFS: zfs.New(zfs.Options{}), Now: time.Now, Log: slog.New(slog.DiscardHandler), Parents: []string{"nosuchpool/BACKUP"}}
	reg := prometheus.NewRegistry()
	reg.MustRegister(&Gauges{Storage: s, PullSlots: 4})
	values := func() map[string]float64 {
		t.Helper()
		families, err := reg.Gather()
		require.NoError(t, err)
		got := map[string]float64{}
		for _, f := range families {
			got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		return got
	}
	idle := map[string]float64{
		"planb_pull_slots": 4, "planb_pull_slots_used": 0, "planb_transfers_running": 0, "planb_transfers_bytes": 0, "planb_room_there": 0,
	}
	require.Equal(t, idle, values())

	free, other := s.transfers.occupy(), s.transfers.occupy()
	var latest atomic.Pointer[Progress]
	latest.Store(&Progress{})
	done := s.transfers.follow(&latest)
	latest.Store(&Progress{Bytes: 1000})
	got := values()
	require.InDelta(t, 2, got["planb_pull_slots_used"], 0)
	require.InDelta(t, 1, got["planb_transfers_running"], 0)
	require.InDelta(t, 1000, got["planb_transfers_bytes"], 0)
	done()
	free()
	other()
	require.Equal(t, idle, values())
}
