// Package scrape answers Prometheus: the metrics of the hosts and storages that
// whoever asks may view, and those of the web server itself.
package scrape

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"planb/internal/access"
	"planb/internal/metrics"
	"planb/web/server"
)

// Pages answers scrapes.
type Pages struct {
	Catalog metrics.Catalog
	// Own are the metrics of the web server, for those who may view all groups.
	Own prometheus.Gatherer
	// Trusted are the addresses that need no token.
	Trusted []netip.Prefix
	Now     func() time.Time
	Log     *slog.Logger
}

// Routes are those of the family.
func (p Pages) Routes() []server.Route {
	return []server.Route{{
		Method: http.MethodGet, Pattern: server.MetricsPath, Right: access.View, Scope: server.Anything,
		Trusted: p.Trusted, Handle: p.scrape,
	}}
}

func (p Pages) scrape(w http.ResponseWriter, r *http.Request) error {
	visible := server.Visible(r, access.View)
	fleet := prometheus.NewRegistry()
	fleet.MustRegister(metrics.Fleet{Catalog: p.Catalog, Visible: visible, Now: p.Now, Log: p.Log, Context: r.Context()})
	from := prometheus.Gatherers{fleet}
	if visible.All() {
		from = append(from, p.Own)
	}
	metrics.Handler(from, p.Log).ServeHTTP(w, r)
	return nil
}
