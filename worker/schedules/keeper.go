package schedules

import (
	"context"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// Keeper makes schedules agree with what the catalog says now.
type Keeper struct {
	Catalog *catalog.Store
	Syncer  Syncer
	// BillingZone is the zone of the days that are billed; a keeper without one
	// leaves their schedule alone.
	BillingZone string
	// Reports is when reports are mailed; nil is never. A keeper without a
	// BillingZone leaves their schedule alone, too.
	Reports *ReportTimes
}

// Agree does so for some hosts; the schedule of one that is not in the catalog
// is removed. Done again it changes nothing.
func (k Keeper) Agree(ctx context.Context, hosts ...ident.Host) error {
	for _, h := range hosts {
		hp, err := k.Catalog.HostPolicy(ctx, h)
		if catalog.IsNotFound(err) {
			err = k.Syncer.Remove(ctx, h)
		} else if err == nil {
			_, err = k.Syncer.Sync(ctx, wanted([]catalog.HostPolicy{hp}), nil, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// AgreeAll does so for all hosts, and removes schedules of others; and makes
// those that verify, watch and bill them and mail reports, if they are missing.
// With dry it only says what it would change of the hosts'.
func (k Keeper) AgreeAll(ctx context.Context, dry bool) ([]Change, error) {
	if !dry {
		if err := k.Syncer.EnsureVerify(ctx); err != nil {
			return nil, err
		}
		if err := k.Syncer.EnsureWatch(ctx); err != nil {
			return nil, err
		}
		if k.BillingZone != "" {
			if err := k.Syncer.EnsureBilling(ctx, k.BillingZone); err != nil {
				return nil, err
			}
			if err := k.Syncer.EnsureReports(ctx, k.Reports); err != nil {
				return nil, err
			}
		}
	}
	hosts, err := k.Catalog.HostPolicies(ctx, catalog.HostFilter{})
	if err != nil {
		return nil, err
	}
	gone := func(h ident.Host) (bool, error) {
		_, err := k.Catalog.Host(ctx, h)
		if catalog.IsNotFound(err) {
			return true, nil
		}
		return false, err
	}
	return k.Syncer.Sync(ctx, wanted(hosts), gone, dry)
}

// wanted are the schedules that hosts should have.
func wanted(hosts []catalog.HostPolicy) []Wanted {
	out := make([]Wanted, len(hosts))
	for i, h := range hosts {
		out[i] = Wanted{Host: h.Host.Ident(), Timetable: h.Policy.Timetable(h.Host.ID)}
		if !h.Host.Enabled {
			out[i].Paused = "disabled: " + h.Host.DisabledReason
		}
	}
	return out
}
