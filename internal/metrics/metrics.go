// Package metrics shows the parts of PlanB to Prometheus: each part has a
// registry of its own, and nothing is global. docs/monitoring.md says which
// metric is where.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Off means, as an address, that nothing is listened on.
const Off = "off"

// New gives the registry of a part, control, worker or web, with what its
// process and its build are.
func New(part, version string) *prometheus.Registry {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "planb_build_info", Help: "Always 1; which part of PlanB this is, and its version.",
		ConstLabels: prometheus.Labels{"part": part, "version": version},
	})
	build.Set(1)
	reg := prometheus.NewRegistry()
	reg.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// Handler answers scrapes with what from gathers. What cannot be gathered is
// logged and left out.
func Handler(from prometheus.Gatherer, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(from, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
}

// listenAgain is when an address that is taken is tried again.
const listenAgain = 30 * time.Second

// Serve answers scrapes of http://addr/metrics until ctx ends. Backups do not
// end because an address is taken: that is logged, and tried again.
func Serve(ctx context.Context, addr, setting string, from prometheus.Gatherer, log *slog.Logger) error {
	if addr == Off {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", Handler(from, log))
	for {
		listener, err := net.Listen("tcp", addr)
		if err == nil {
			return serve(ctx, listener, mux, log)
		}
		log.Error("there are no metrics: choose another "+setting+", or \"off\"", "address", addr, "error", err, "next_try", listenAgain)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listenAgain):
		}
	}
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() {
		<-ctx.Done()
		_ = srv.Close() // a scrape that is cut off is made again
	}()
	log.Info("metrics", "address", "http://"+listener.Addr().String()+"/metrics")
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving metrics: %w", err)
	}
	return nil
}
