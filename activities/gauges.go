package activities

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// transfers counts what the slots for transfers are taken by. The zero value is
// ready.
type transfers struct {
	slots atomic.Int64
	mu    sync.Mutex
	// running tell how far each rsync is. Guarded by mu.
	running map[*atomic.Pointer[Progress]]struct{}
}

// occupy takes a slot until free is called.
func (t *transfers) occupy() (free func()) {
	t.slots.Add(1)
	return func() { t.slots.Add(-1) }
}

// follow counts a transfer whose progress is latest, until done is called.
func (t *transfers) follow(latest *atomic.Pointer[Progress]) (done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running == nil {
		t.running = map[*atomic.Pointer[Progress]]struct{}{}
	}
	t.running[latest] = struct{}{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.running, latest)
	}
}

// sum gives how many transfers run, and the bytes that they have dealt with.
func (t *transfers) sum() (n int, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for latest := range t.running {
		bytes += latest.Load().Bytes
	}
	return len(t.running), bytes
}

// Gauges collects what a storage server does right now, and how full its pools
// are.
type Gauges struct {
	Storage *Storage
	// PullSlots is how many transfers it does at once.
	PullSlots int

	mu sync.Mutex
	// rooms are as of looked; both are guarded by mu.
	rooms  []StorageRoom
	looked time.Time
}

var (
	pullSlots   = prometheus.NewDesc("planb_pull_slots", "Transfers that this storage server does at once.", nil, nil)
	pullUsed    = prometheus.NewDesc("planb_pull_slots_used", "Slots that are taken, also by transfers that wait to be heard.", nil, nil)
	pullRunning = prometheus.NewDesc("planb_transfers_running", "rsync transfers that run.", nil, nil)
	pullBytes   = prometheus.NewDesc("planb_transfers_bytes", "Bytes that the running transfers have dealt with so far.", nil, nil)
	roomUsed    = prometheus.NewDesc("planb_room_used_bytes", "Room taken of a storage here.", []string{"storage"}, nil)
	roomFree    = prometheus.NewDesc("planb_room_free_bytes", "Room left of a storage here.", []string{"storage"}, nil)
	roomThere   = prometheus.NewDesc("planb_room_there", "0 when the storage's dataset or pool is not there.", []string{"storage"}, nil)
)

// Describe implements prometheus.Collector.
func (g *Gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pullSlots, pullUsed, pullRunning, pullBytes, roomUsed, roomFree, roomThere} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (g *Gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	running, bytes := g.Storage.transfers.sum()
	gauge(pullSlots, float64(g.PullSlots))
	gauge(pullUsed, float64(g.Storage.transfers.slots.Load()))
	gauge(pullRunning, float64(running))
	gauge(pullBytes, float64(bytes))
	for _, room := range g.look() {
		if room.Health == HealthMissing {
			gauge(roomThere, 0, room.Dataset)
			continue
		}
		gauge(roomThere, 1, room.Dataset)
		gauge(roomUsed, float64(room.Used), room.Dataset)
		gauge(roomFree, float64(room.Free), room.Dataset)
	}
}

const (
	// lookEvery is how old the sizes of pools may be: scrapes do not keep zfs busy.
	lookEvery = time.Minute
	// lookTimeout bounds one look; a pool that hangs does not make scrapes hang.
	lookTimeout = 5 * time.Second
)

func (g *Gauges) look() []StorageRoom {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.Storage.Now(); g.looked.IsZero() || now.Sub(g.looked) >= lookEvery {
		ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
		defer cancel()
		g.rooms, g.looked = g.Storage.Storages(ctx), now
	}
	return g.rooms
}
