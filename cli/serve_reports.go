package cli

import (
	"log/slog"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/config"
	"planb/internal/notify"
	"planb/internal/report/gather"
)

// newReports reads which reports are mailed, and how.
func newReports(cfg *config.Config, store *catalog.Store, log *slog.Logger) (r activities.Reports, err error) {
	r = activities.Reports{
		Digest:  cfg.Reports.Digest == "on" && len(cfg.Reports.DigestTo) > 0,
		Monthly: cfg.Reports.Monthly == "on", DigestTo: cfg.Reports.DigestTo,
	}
	if r.Gatherer, err = newGatherer(cfg, store, log); err != nil {
		return r, err
	}
	if r.At, err = cfg.Reports.Clock(); err != nil {
		return r, err
	}
	if channel := cfg.Reports.Mail(cfg.Notify); channel != nil {
		r.Mailer, err = notify.NewMailer(*channel)
	}
	return r, err
}

// silentAfter is how long a worker may say nothing before a digest tells.
const silentAfter = 3 * registerEvery

func newGatherer(cfg *config.Config, store *catalog.Store, log *slog.Logger) (gather.Gatherer, error) {
	zone, err := cfg.Reports.Zone()
	return gather.Gatherer{
		Catalog: store, URL: cfg.Web.URL, Zone: zone, SilentAfter: silentAfter, FreeWarn: cfg.Limits.FreeWarn, Log: log,
	}, err
}
