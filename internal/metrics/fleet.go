package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// Catalog is what fleets are read from.
type Catalog interface {
	Measures(ctx context.Context, v catalog.Visible, now time.Time) ([]catalog.HostMeasure, []catalog.Storage, error)
}

// Fleet collects the hosts and storages that somebody may see, as the catalog
// has them. One is made for each scrape: what was removed is gone with the next.
type Fleet struct {
	Catalog Catalog
	Visible catalog.Visible
	Now     func() time.Time
	Log     *slog.Logger
	// Context ends with the scrape.
	Context context.Context
}

// Describe implements prometheus.Collector; what there is follows from the
// catalog.
func (Fleet) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. Without the catalog it says so, and
// nothing of hosts: values of an hour ago would look like those of now.
func (f Fleet) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(f.Context, catalogTimeout)
	defer cancel()
	now := f.Now()
	hosts, storages, err := f.Catalog.Measures(ctx, f.Visible, now)
	up.send(out, number(err == nil))
	if err != nil {
		f.Log.Warn("metrics lack hosts and storages", "error", err)
		return
	}
	counts := map[policy.Health]int{}
	for _, h := range hosts {
		counts[h.Health]++
		collectHost(out, h, now)
	}
	for _, health := range Healths {
		hostsByHealth.send(out, float64(counts[health]), string(health))
	}
	for _, st := range storages {
		collectStorage(out, st, now)
	}
}

// catalogTimeout bounds one look at the catalog, below Prometheus's own limit.
const catalogTimeout = 8 * time.Second

// Healths are the states of health in the order of their numbers in
// planb_host_health.
var Healths = []policy.Health{policy.HealthOK, policy.HealthLate, policy.HealthFailing, policy.HealthNever, policy.HealthPaused}

// States are the states of a run in the order of their numbers in
// planb_host_last_run_state; 0 is that there was none.
var States = []string{
	"", policy.StateOK, policy.StateWarning, policy.StatePartial, policy.StateFailed, policy.StateCancelled,
	policy.StateWaiting, policy.StateRunning,
}

var (
	up            = describe("catalog_up", "1 when the catalog answered this scrape; nothing is known of hosts when 0.")
	hostsByHealth = describe("hosts", "Hosts by health.", "health")

	hostSinceGood   = ofHost("seconds_since_last_good", "Age of the newest good snapshot; absent when there is none.")
	hostSinceProven = ofHost("seconds_since_last_proven", "Time since files of a snapshot were restored and found equal; absent when they never were.")
	hostLateAfter   = ofHost("late_after_seconds", "Age of the newest good snapshot from which on the host is late: its schedule and grace.")
	hostSince       = ofHost("seconds_since_enabled", "Time since the host was added or last enabled.")
	hostHealth      = ofHost("health", "0 ok, 1 late, 2 failing, 3 never, 4 paused.")
	hostState       = ofHost("last_run_state", "Of the newest backup: 0 none, 1 ok, 2 warning, 3 partial, 4 failed, 5 cancelled, 6 waiting, 7 running.")
	hostDuration    = ofHost("last_duration_seconds", "How long the newest backup took that ended; absent before the first.")
	hostUsed        = ofHost("used_bytes", "Room that the host's dataset takes, with its snapshots.")
	hostReferenced  = ofHost("referenced_bytes", "Size of the host's files as they are now.")
	hostSnapshots   = ofHost("snapshots", "Snapshots that are kept.")
	hostSuspect     = ofHost("suspect", "1 when a suspect snapshot waits for a decision.")
	hostDisproven   = ofHost("disproven", "1 when the last verification found files that are not as they have to be.")

	storageSize   = ofStorage("size_bytes", "Room of the storage, as its worker last told.")
	storageUsed   = ofStorage("used_bytes", "Room taken.")
	storageFree   = ofStorage("free_bytes", "Room left.")
	storageHealth = ofStorage("health", "Of the pool: 0 ONLINE, 1 DEGRADED, 2 anything else, also not there.")
	storageScrub  = ofStorage("scrub_age_seconds", "Time since the last scrub was done; absent when none is known.")
	storageErrors = ofStorage("scrub_errors", "Errors that the last scrub found; absent when none is known.")
	storageLost   = ofStorage("data_errors", "Errors in data that the pool knows of; absent when not known.")
	storageSeen   = ofStorage("seen_age_seconds", "Time since the storage's worker last told of it; it does so every ten minutes.")
)

// desc is a gauge whose values are made anew for each scrape.
type desc struct{ *prometheus.Desc }

func describe(name, help string, labels ...string) desc {
	return desc{prometheus.NewDesc("planb_"+name, help, labels, nil)}
}

func ofHost(name, help string) desc { return describe("host_"+name, help, "group", "host") }

func ofStorage(name, help string) desc {
	return describe("storage_"+name, help, "server", "storage")
}

func (d desc) send(out chan<- prometheus.Metric, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d.Desc, prometheus.GaugeValue, value, labels...)
}

func (d desc) age(out chan<- prometheus.Metric, at *time.Time, now time.Time, labels ...string) {
	if at != nil {
		d.send(out, now.Sub(*at).Seconds(), labels...)
	}
}

func (d desc) count(out chan<- prometheus.Metric, n *int64, labels ...string) {
	if n != nil {
		d.send(out, float64(*n), labels...)
	}
}

func collectHost(out chan<- prometheus.Metric, h catalog.HostMeasure, now time.Time) {
	labels := []string{h.Group, h.Name}
	hostSinceGood.age(out, h.LastGood, now, labels...)
	hostSinceProven.age(out, h.LastProven, now, labels...)
	hostLateAfter.send(out, h.LateAge.Seconds(), labels...)
	hostSince.age(out, &h.Since, now, labels...)
	hostHealth.send(out, index(Healths, h.Health), labels...)
	hostState.send(out, index(States, h.State), labels...)
	if h.LastSeconds != nil {
		hostDuration.send(out, *h.LastSeconds, labels...)
	}
	hostUsed.count(out, h.UsedBytes, labels...)
	hostReferenced.count(out, h.ReferencedBytes, labels...)
	hostSnapshots.send(out, float64(h.Snapshots), labels...)
	hostSuspect.send(out, number(h.Suspect), labels...)
	hostDisproven.send(out, number(h.Disproven), labels...)
}

func collectStorage(out chan<- prometheus.Metric, st catalog.Storage, now time.Time) {
	labels := []string{st.Server, st.Dataset}
	storageSize.count(out, st.SizeBytes, labels...)
	storageUsed.count(out, st.UsedBytes, labels...)
	storageFree.count(out, st.FreeBytes, labels...)
	storageHealth.send(out, PoolHealth(st.Health), labels...)
	storageScrub.age(out, st.ScrubAt, now, labels...)
	storageErrors.count(out, st.ScrubErrors, labels...)
	storageLost.count(out, st.DataErrors, labels...)
	storageSeen.age(out, &st.SeenAt, now, labels...)
}

// PoolHealth is the number of a pool's health in zpool's words.
func PoolHealth(health string) float64 {
	switch health {
	case "ONLINE":
		return 0
	case "DEGRADED":
		return 1
	}
	return 2
}

// index is the number of a state, or -1 for one that is not known.
func index[T comparable](all []T, one T) float64 {
	for i, s := range all {
		if s == one {
			return float64(i)
		}
	}
	return -1
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
