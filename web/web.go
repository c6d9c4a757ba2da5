package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"go.temporal.io/sdk/client"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/metrics"
	"planb/internal/readers"
	"planb/internal/report/gather"
	"planb/web/account"
	"planb/web/api"
	"planb/web/audit"
	"planb/web/billing"
	"planb/web/browse"
	"planb/web/fleet"
	"planb/web/groups"
	"planb/web/hosts"
	"planb/web/notices"
	"planb/web/policies"
	"planb/web/reports"
	"planb/web/restore"
	"planb/web/runs"
	"planb/web/schedule"
	"planb/web/scrape"
	"planb/web/server"
	"planb/web/static"
	"planb/web/storages"
	"planb/web/users"
	"planb/worker/operate"
)

// Options is what the pages need.
type Options struct {
	// Listen is host:port.
	Listen string
	// URL is where readers find the pages; empty is http://Listen.
	URL string
	// Proxies lists the proxies whose X-Forwarded-For is believed: addresses
	// and networks, separated by commas.
	Proxies string
	// User and Password make the first admin where there is no user yet.
	User, Password string
	// TemporalUI is where runs can be watched; empty leaves the link out.
	// Namespace is PlanB's in Temporal.
	TemporalUI, Namespace string
	// RestoreDir is the directory of storage servers below which the pages
	// restore; empty is place.DefaultDir.
	RestoreDir string
	// DataKey signs what is asked of the data services of storage servers.
	DataKey string
	// MetricsAllow lists who may ask for /metrics without a token: addresses and
	// networks, separated by commas.
	MetricsAllow string
	// trusted are those of MetricsAllow.
	trusted []netip.Prefix
	Catalog *catalog.Store
	// BillingZone is the zone of the days that are billed; nil is UTC.
	BillingZone *time.Location
	// Reports are made with this; its catalog, address and log are those here.
	Reports gather.Gatherer
	// Temporal is asked for what is under way, and to start what is clicked.
	Temporal client.Client
	Log      *slog.Logger
	Version  string
	// Now is the clock; nil is that of the machine.
	Now func() time.Time
}

// Serve answers on o.Listen until ctx ends.
func Serve(ctx context.Context, o Options) error {
	handler, err := Handler(ctx, o)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("the web pages cannot listen on %s: choose another web.listen: %w", o.Listen, err)
	}
	srv := &http.Server{
		Handler: handler,
		// Slow writers of headers and bodies are cut off; slow readers of a
		// large download are not.
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(last)
	}()
	o.Log.Info("web pages", "address", "http://"+listener.Addr().String())
	warnPlain(o)
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the web pages: %w", err)
	}
	return nil
}

// Handler gives the pages, and makes the first admin where there is no user.
func Handler(ctx context.Context, o Options) (http.Handler, error) {
	if o.BillingZone == nil {
		o.BillingZone = time.UTC
	}
	if o.Reports.Zone == nil {
		o.Reports.Zone = time.UTC
	}
	o.Reports.Catalog, o.Reports.URL, o.Reports.Log = o.Catalog, o.URL, o.Log
	proxies, err := server.ParseProxies(o.Proxies)
	if err != nil {
		return nil, err
	}
	if o.trusted, err = server.ParseNetworks("metrics.allow", o.MetricsAllow); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	passwords := access.NewPasswords()
	if err := firstAdmin(ctx, o, passwords); err != nil {
		return nil, err
	}
	s := server.New(server.Options{
		Catalog: o.Catalog, Passwords: passwords, URL: o.URL, Proxies: proxies,
		TemporalUI: o.TemporalUI, Version: o.Version, Log: o.Log, Now: o.Now,
	})
	return s.Handler(routes(o, s, passwords)), nil
}

// routes is the table of all routes: one line for each family of pages.
func routes(o Options, s *server.Server, passwords *access.Passwords) []server.Route {
	table := []server.Route{
		server.Open(http.MethodGet, "/healthz", healthz(o)),
		server.Open(http.MethodGet, static.Prefix, func(w http.ResponseWriter, r *http.Request) error {
			static.Serve(w, r)
			return nil
		}),
	}
	logs := readers.New(o.Catalog, o.DataKey)
	operator := operate.Operator{Catalog: o.Catalog, Temporal: o.Temporal}
	for _, family := range [][]server.Route{
		s.SignInRoutes(),
		fleet.New(o.Catalog, operator, o.Now).Routes(),
		hosts.List{Catalog: o.Catalog, Operator: operator, Now: o.Now, Log: o.Log}.Routes(),
		hosts.Page{Catalog: o.Catalog, Operator: operator, Readers: logs, Now: o.Now, Log: o.Log}.Routes(),
		audit.Pages{Catalog: o.Catalog}.Routes(),
		users.Pages{Catalog: o.Catalog, Passwords: passwords, Now: o.Now}.Routes(),
		groups.Pages{Catalog: o.Catalog, Operator: operator, Now: o.Now}.Routes(),
		storages.Pages{Catalog: o.Catalog, Operator: operator, Now: o.Now}.Routes(),
		schedule.Pages{Catalog: o.Catalog, Operator: operator, Now: o.Now}.Routes(),
		policies.Pages{Catalog: o.Catalog, Operator: operator}.Routes(),
		billing.Pages{Catalog: o.Catalog, Zone: o.BillingZone, Now: o.Now}.Routes(),
		notices.Pages{Catalog: o.Catalog}.Routes(),
		reports.Pages{Catalog: o.Catalog, Operator: operator, Maker: o.Reports, Zone: o.Reports.Zone, Now: o.Now}.Routes(),
		runs.Pages{
			Catalog: o.Catalog, Operator: operator, Logs: logs, TemporalUI: o.TemporalUI, Namespace: o.Namespace, Now: o.Now,
		}.Routes(),
		browse.Pages{Catalog: o.Catalog, Files: logs}.Routes(),
		restore.Pages{Catalog: o.Catalog, Operator: operator, Files: logs, Dir: o.RestoreDir, Now: o.Now}.Routes(),
		scrape.Pages{Catalog: o.Catalog, Own: metrics.New("web", o.Version), Trusted: o.trusted, Now: o.Now, Log: o.Log}.Routes(),
		api.API{Catalog: o.Catalog, Passwords: passwords, Operator: operator, Files: logs, RestoreDir: o.RestoreDir, Version: o.Version, Now: o.Now}.Routes(),
		account.Pages{Catalog: o.Catalog, Passwords: passwords, Check: s.CheckPassword, Now: o.Now}.Routes(),
	} {
		table = append(table, family...)
	}
	return table
}

func healthz(o Options) server.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := o.Catalog.Ping(r.Context()); err != nil {
			o.Log.Warn("not healthy", "error", err)
			http.Error(w, "the catalog does not answer", http.StatusServiceUnavailable)
			return nil
		}
		_, _ = fmt.Fprintln(w, "ok") // who is gone reads nothing
		return nil
	}
}
