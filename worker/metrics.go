package worker

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// SDKMetrics shows what Temporal's SDK measures of itself to Prometheus:
// counters end in _total, times are histograms in seconds. It goes into the
// options of a client (WithMetrics) and into a registry.
type SDKMetrics struct {
	mu sync.Mutex
	// known are by name and labels. Guarded by mu.
	known map[string]prometheus.Metric
}

// NewSDKMetrics gives one that knows nothing yet.
func NewSDKMetrics() *SDKMetrics { return &SDKMetrics{known: map[string]prometheus.Metric{}} }

// Handler is what the SDK tells its metrics to.
func (m *SDKMetrics) Handler() client.MetricsHandler { return sdkHandler{all: m} }

// Describe implements prometheus.Collector. The SDK gives one metric other
// labels at other times, so there is nothing to say ahead.
func (m *SDKMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *SDKMetrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	all := slices.Collect(maps.Values(m.known))
	m.mu.Unlock()
	for _, metric := range all {
		out <- metric
	}
}

// sdkHandler adds labels to what it is told.
type sdkHandler struct {
	all    *SDKMetrics
	labels prometheus.Labels
}

// WithTags implements client.MetricsHandler.
func (h sdkHandler) WithTags(tags map[string]string) client.MetricsHandler {
	labels := prometheus.Labels{}
	maps.Copy(labels, h.labels)
	for k, v := range tags {
		labels[plainName(k)] = v
	}
	return sdkHandler{h.all, labels}
}

// Counter implements client.MetricsHandler.
func (h sdkHandler) Counter(name string) client.MetricsCounter {
	c := sdkMetric(h, plainName(name)+"_total", func(name string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: sdkHelp, ConstLabels: h.labels})
	})
	return counterFunc(func(n int64) { c.Add(float64(max(n, 0))) })
}

// Gauge implements client.MetricsHandler.
func (h sdkHandler) Gauge(name string) client.MetricsGauge {
	g := sdkMetric(h, plainName(name), func(name string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: sdkHelp, ConstLabels: h.labels})
	})
	return gaugeFunc(g.Set)
}

// Timer implements client.MetricsHandler.
func (h sdkHandler) Timer(name string) client.MetricsTimer {
	t := sdkMetric(h, plainName(name)+"_seconds", func(name string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: sdkHelp, ConstLabels: h.labels, Buckets: sdkBuckets})
	})
	return timerFunc(func(d time.Duration) { t.Observe(d.Seconds()) })
}

const sdkHelp = "Of Temporal's SDK."

// sdkBuckets reach from a request to the longest backup, in seconds.
var sdkBuckets = []float64{.01, .1, 1, 10, 60, 600, 3600, 6 * 3600}

// sdkMetric gives the metric of that name and the handler's labels, made the
// first time.
func sdkMetric[T prometheus.Metric](h sdkHandler, name string, first func(name string) T) T {
	key := name
	for _, k := range slices.Sorted(maps.Keys(h.labels)) {
		key += "\x00" + k + "\x00" + h.labels[k]
	}
	h.all.mu.Lock()
	defer h.all.mu.Unlock()
	if metric, ok := h.all.known[key].(T); ok {
		return metric
	}
	metric := first(name)
	h.all.known[key] = metric
	return metric
}

// plainName is a name as Prometheus takes it.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, name)
}

type counterFunc func(int64)

func (f counterFunc) Inc(n int64) { f(n) }

type gaugeFunc func(float64)

func (f gaugeFunc) Update(v float64) { f(v) }

type timerFunc func(time.Duration)

func (f timerFunc) Record(d time.Duration) { f(d) }
