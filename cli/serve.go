package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	ucli "github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/internal/billing"
	"planb/internal/catalog"
	"planb/internal/config"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/metrics"
	"planb/internal/notify"
	"planb/internal/sshx"
	"planb/internal/zabbix"
	"planb/internal/zfs"
	"planb/web"
	"planb/worker"
	"planb/worker/outbox"
	"planb/worker/reconcile"
	"planb/worker/schedules"
)

// part is one of the long-running parts of PlanB. It returns when ctx ends.
type part func(ctx context.Context, cfg *config.Config, log *slog.Logger) error

func (a *app) serveCommand() *ucli.Command {
	return a.partsCommand("serve", "run control, worker and web in one process, for one server", runControl, runWorker, runWeb)
}

func (a *app) controlCommand() *ucli.Command {
	return a.partsCommand("control", "run the workflows and what touches the catalog", runControl)
}

func (a *app) workerCommand() *ucli.Command {
	return a.partsCommand("worker", "run the work on this storage server's datasets", runWorker)
}

func (a *app) webCommand() *ucli.Command {
	return a.partsCommand("web", "run the web pages", runWeb)
}

func (a *app) partsCommand(name, usage string, parts ...part) *ucli.Command {
	return &ucli.Command{Name: name, Usage: usage, Action: func(c *ucli.Context) error {
		cfg, err := a.config(c)
		if err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(a.stderr, nil))
		slog.SetDefault(log)
		log.Info("starting", "version", Version, "server", cfg.Server)
		return runAll(c.Context, cfg, log, parts)
	}}
}

// runAll runs parts until ctx ends or one of them fails, which ends the others.
func runAll(ctx context.Context, cfg *config.Config, log *slog.Logger, parts []part) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ends := make(chan error)
	for _, p := range parts {
		go func() { ends <- p(ctx, cfg, log) }()
	}
	var first error
	for range parts {
		if err := <-ends; err != nil && !errors.Is(err, context.Canceled) && first == nil {
			first = err
		}
		stop()
	}
	return first
}

// runControl polls the control queue.
func runControl(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	bills, err := newBilling(cfg)
	if err != nil {
		return err
	}
	store, err := openPatiently(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer store.Close()
	sdk := worker.NewSDKMetrics()
	tc, err := worker.DialPatiently(ctx, cfg, log, worker.WithMetrics(sdk))
	if err != nil {
		return err
	}
	defer tc.Close()
	if err := worker.PrepareNamespace(ctx, tc, worker.Namespace(cfg), log); err != nil {
		return err
	}
	keeper := schedules.Keeper{Catalog: store, Syncer: schedules.Syncer{Client: tc.ScheduleClient()}, BillingZone: cfg.Billing.Timezone}
	reports, err := newReports(cfg, store, log)
	if err != nil {
		return err
	}
	if reports.Mailer != nil && (reports.Digest || reports.Monthly) {
		keeper.Reports = &schedules.ReportTimes{At: reports.At, Zone: cfg.Reports.Timezone}
	}
	channels, err := notify.NewChannels(cfg.Notify)
	if err != nil {
		return err
	}
	control := &activities.Control{
		Channels: channels, WebURL: cfg.Web.URL,
		Catalog: store, Schedules: keeper, Grace: cfg.Limits.Grace.Duration(), Now: time.Now, Log: log,
		Billing: bills, Reports: reports, Watching: activities.DefaultWatching(cfg.Limits.FreeWarn, cfg.Limits.FreeStop),
	}
	reconciler := &reconcile.Reconciler{
		Client: tc, Catalog: store, Record: control.Record, Schedules: keeper, Now: time.Now, Log: log,
		Measure: func(ctx context.Context, host ident.Host) error { return worker.StartMeasure(ctx, tc, host) },
	}
	notices := outbox.Outbox{Client: tc, Catalog: store, Now: time.Now, Log: log}
	return runAll(ctx, cfg, log, []part{
		func(ctx context.Context, _ *config.Config, _ *slog.Logger) error { return reconciler.Run(ctx) },
		func(ctx context.Context, _ *config.Config, _ *slog.Logger) error { return notices.Run(ctx) },
		func(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
			reg := metrics.New("control", Version)
			reg.MustRegister(sdk, worker.QueueMetrics{Client: tc, Namespace: worker.Namespace(cfg), Queues: worker.ControlQueues(), Log: log})
			return metrics.Serve(ctx, cfg.Metrics.Control, "metrics.control", reg, log)
		},
		func(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
			return zabbix.Keep(ctx, cfg.Metrics.ZabbixFile, store, log)
		},
		func(ctx context.Context, cfg *config.Config, _ *slog.Logger) error {
			return runGroup(ctx, worker.NewControl(tc, cfg, control))
		},
	})
}

// newBilling reads how usage is posted, so that a mistake there is told at the
// start.
func newBilling(cfg *config.Config) (activities.Billing, error) {
	posters, err := billing.New(cfg.Billing)
	if err != nil {
		return activities.Billing{}, err
	}
	zone, err := cfg.Billing.Zone()
	return activities.Billing{Zone: zone, CatchUp: cfg.Billing.CatchUp, Posters: posters}, err
}

// runWorker polls the queues of this storage server, and serves what its
// snapshots hold.
func runWorker(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	if len(cfg.Storages) == 0 {
		return errors.New("no storages are configured: name this server's parent datasets under storages: in planb.yaml")
	}
	if err := sshx.Keygen(ctx, cfg.SSH.Key, "planb@"+cfg.Server); err != nil {
		return fmt.Errorf("making the ssh key %s: %w", cfg.SSH.Key, err)
	}
	storage, err := newStorage(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer storage.ZFS.Close() // views that stay are cleaned at the next start
	storage.Indexes = storage.NewIndexes()
	defer storage.Indexes.Close()
	sdk := worker.NewSDKMetrics()
	tc, err := worker.DialPatiently(ctx, cfg, log, worker.WithMetrics(sdk))
	if err != nil {
		return err
	}
	defer tc.Close()
	return runAll(ctx, cfg, log, []part{
		func(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
			return serveData(ctx, cfg, storage, log)
		},
		func(ctx context.Context, _ *config.Config, _ *slog.Logger) error {
			return register(ctx, tc, cfg, storage, log)
		},
		func(ctx context.Context, _ *config.Config, _ *slog.Logger) error { return cleanRuns(ctx, storage, log) },
		func(ctx context.Context, _ *config.Config, _ *slog.Logger) error { return tendIndexes(ctx, storage) },
		func(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
			reg := metrics.New("worker", Version)
			reg.MustRegister(sdk, &activities.Gauges{Storage: storage, PullSlots: cfg.Limits.Pulls},
				worker.QueueMetrics{Client: tc, Namespace: worker.Namespace(cfg), Queues: worker.StorageQueues(cfg.Server), Log: log})
			return metrics.Serve(ctx, cfg.Metrics.Worker, "metrics.worker", reg, log)
		},
		func(ctx context.Context, _ *config.Config, _ *slog.Logger) error {
			return runGroup(ctx, worker.NewStorage(tc, cfg, storage))
		},
	})
}

// cleanEvery is how often a worker removes what old runs left.
const cleanEvery = 24 * time.Hour

func cleanRuns(ctx context.Context, s *activities.Storage, log *slog.Logger) error {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if err := s.CleanRuns(); err != nil {
			log.Warn("old logs of runs were not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tendIndexes sees once to what happened while there was no worker: from then
// on each run sees to its own host. Answers do so too.
func tendIndexes(ctx context.Context, s *activities.Storage) error {
	s.TendIndexes(ctx)
	<-ctx.Done()
	return nil
}

// registerEvery is how often a worker tells how full its storages are.
const registerEvery = 10 * time.Minute

// register tells the catalog, through Temporal, which storages are here.
func register(ctx context.Context, tc client.Client, cfg *config.Config, s *activities.Storage, log *slog.Logger) error {
	tick := time.NewTicker(registerEvery)
	defer tick.Stop()
	for {
		err := worker.RegisterStorages(ctx, tc, activities.RegisterInput{
			Server: cfg.Server, DataURL: cfg.Data.URL, Storages: s.Storages(ctx), At: time.Now(),
			PullSlots: cfg.Limits.Pulls,
		})
		if err != nil && ctx.Err() == nil {
			log.Error("storages were not registered", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func newStorage(ctx context.Context, cfg *config.Config, log *slog.Logger) (*activities.Storage, error) {
	for _, dir := range []string{cfg.State, cfg.RunsDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the state directory: %w", err)
		}
	}
	s := &activities.Storage{
		ZFS:   zfs.New(zfs.Options{Sudo: cfg.ZFS.Sudo, ViewDir: cfg.State + "/views", ViewIdle: time.Minute, Log: log}),
		State: cfg.State, DefaultKey: cfg.SSH.Key, PerAddress: cfg.Limits.PerAddress, Root: os.Geteuid() == 0, Now: time.Now, Log: log,
		Push:     activities.Push{Key: cfg.Restore.Key, User: cfg.Restore.User},
		FreeWarn: cfg.Limits.FreeWarn, FreeStop: cfg.Limits.FreeStop, Scratch: cfg.Verify.Scratch, Version: Version,
	}
	if err := s.CleanScratch(); err != nil {
		log.Warn("what verifications of an earlier worker restored was not removed", "directory", cfg.Verify.Scratch, "error", err)
	}
	for _, st := range cfg.Storages {
		s.Parents = append(s.Parents, st.Dataset)
		// What a crash left behind would keep snapshots from being removed.
		if err := s.ZFS.CleanViews(ctx, st.Dataset); err != nil {
			log.Warn("views of an earlier worker were not removed", "storage", st.Dataset, "error", err)
		}
	}
	return s, nil
}

func serveData(ctx context.Context, cfg *config.Config, s *activities.Storage, log *slog.Logger) error {
	key, err := dataplane.NewKey([]byte(cfg.Data.Key))
	if err != nil {
		return fmt.Errorf("the data service needs data.key or data.key_file: %w", err)
	}
	handler := dataplane.Handler(dataplane.Options{
		Key: key, Snapshots: dataplane.ZFS{Client: s.ZFS}, Indexes: s.Indexes, Storages: s.Parents, RunsDir: s.RunsDir(), Log: log,
	})
	return dataplane.Serve(ctx, dataplane.ListenOptions{
		Addr: cfg.Data.Listen, CertFile: cfg.Data.CertFile, KeyFile: cfg.Data.CertKey, Log: log,
	}, handler)
}

// runGroup polls until ctx ends, then lets what is under way end.
func runGroup(ctx context.Context, g *worker.Group) error {
	if err := g.Start(); err != nil {
		return fmt.Errorf("starting to poll Temporal: %w", err)
	}
	defer g.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.Fatal():
		return fmt.Errorf("polling Temporal: %w", err)
	}
}

// runWeb serves the pages.
func runWeb(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	store, err := openPatiently(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer store.Close()
	tc, err := worker.DialLazily(cfg, log)
	if err != nil {
		return err
	}
	defer tc.Close()
	zone, err := cfg.Billing.Zone()
	if err != nil {
		return err
	}
	reports, err := newGatherer(cfg, store, log)
	if err != nil {
		return err
	}
	return web.Serve(ctx, web.Options{
		BillingZone: zone, Reports: reports,
		Listen: cfg.Web.Listen, URL: cfg.Web.URL, Proxies: cfg.Web.TrustedProxies, User: cfg.Web.User, Password: cfg.Web.Password,
		TemporalUI: cfg.Web.TemporalUI, Namespace: worker.Namespace(cfg), DataKey: cfg.Data.Key, MetricsAllow: cfg.Metrics.Allow, RestoreDir: cfg.Web.RestoreDir, Catalog: store, Temporal: tc, Log: log, Version: Version,
	})
}

// openPatiently opens the catalog, waiting for a PostgreSQL that is started
// together with PlanB.
func openPatiently(ctx context.Context, cfg *config.Config, log *slog.Logger) (*catalog.Store, error) {
	wait := time.Second
	for {
		store, err := catalog.Open(ctx, cfg.Database.URL)
		if err == nil || !catalog.IsUnavailable(err) {
			return store, err
		}
		log.Warn("waiting for PostgreSQL", "error", err, "next_try", wait)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 30*time.Second)
	}
}
