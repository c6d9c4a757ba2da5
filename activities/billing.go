package activities

import (
	"context"
	"fmt"
	"time"

	"planb/internal/billing"
	"planb/internal/catalog"
)

// Billing is what the activities of DailyBilling are set up with.
type Billing struct {
	// Zone is that of the days.
	Zone *time.Location
	// CatchUp is how many days back a missed day is made up for.
	CatchUp int
	Posters []billing.Poster
	// Heartbeats is how often Temporal hears that posting goes on; 0 is the default.
	Heartbeats time.Duration
}

func (b Billing) names() []string {
	names := make([]string, len(b.Posters))
	for i, p := range b.Posters {
		names[i] = p.Name()
	}
	return names
}

// BillingInput says which day is billed; empty is today.
type BillingInput struct {
	Day string `json:"day"`
	// Trigger is schedule or manual.
	Trigger string `json:"trigger"`
}

// BillingPlan is what there is to do for a day.
type BillingPlan struct {
	Day  string `json:"day"`
	Late bool   `json:"late,omitempty"`
	// Servers are those that have hosts without a sample of the day.
	Servers []string `json:"servers,omitempty"`
	// Posters are the receivers of the samples.
	Posters []string `json:"posters,omitempty"`
}

// DueBilling gives the days that have to be billed now, today first.
func (c *Control) DueBilling(ctx context.Context) ([]string, error) {
	today := billing.DayOf(c.Now(), c.Billing.Zone)
	days, err := c.Catalog.DueDays(ctx, string(today.Add(-c.Billing.CatchUp)), string(today), c.Billing.names())
	return days, refused("looking which days are to be billed", err)
}

// LoadBilling gives what there is to do for a day.
func (c *Control) LoadBilling(ctx context.Context, in BillingInput) (BillingPlan, error) {
	day, err := billing.ParseDay(in.Day)
	if err != nil {
		return BillingPlan{}, permanent(ErrTypeRefused, err.Error(), "", err)
	}
	d := c.usageDay(day)
	if day > billing.DayOf(d.Now, c.Billing.Zone) {
		return BillingPlan{}, permanent(ErrTypeRefused, fmt.Sprintf("%s has not begun yet in %s", day, c.Billing.Zone), "give today or an earlier day", nil)
	}
	p := BillingPlan{Day: in.Day, Late: d.Late, Posters: d.Posters}
	if in.Trigger == TriggerManual {
		if err := c.Catalog.AddPosts(ctx, in.Day, d.Posters); err != nil {
			return p, refused("looking what is to be posted", err)
		}
	}
	p.Servers, err = c.Catalog.UsageServers(ctx, in.Day)
	return p, refused("looking which hosts are to be billed", err)
}

func (c *Control) usageDay(day billing.Day) catalog.UsageDay {
	now, end := c.Now(), day.End(c.Billing.Zone)
	return catalog.UsageDay{
		Day: string(day), First: day.IsFirst(), End: end, Late: !now.Before(end), Now: now, Posters: c.Billing.names(),
	}
}

// UsageInput asks for the next hosts of a server that have no sample of a day.
type UsageInput struct {
	Day    string `json:"day"`
	Server string `json:"server"`
	// After is the id of the last host of the batch before.
	After string `json:"after,omitempty"`
}

// UsageHost is a host to take a sample of.
type UsageHost struct {
	ID      string `json:"id"`
	Dataset string `json:"dataset"`
	Storage string `json:"storage"`
}

// usageBatch is how many hosts are measured in one step.
const usageBatch = 50

// UsageHosts gives the next batch; none when there are no more.
func (c *Control) UsageHosts(ctx context.Context, in UsageInput) ([]UsageHost, error) {
	found, err := c.Catalog.UsageHosts(ctx, in.Day, in.Server, in.After, usageBatch)
	hosts := make([]UsageHost, len(found))
	for i, h := range found {
		hosts[i] = UsageHost(h)
	}
	return hosts, refused("looking which hosts are to be billed", err)
}

// RecordUsageInput is what a batch of hosts takes on the pool.
type RecordUsageInput struct {
	Day string `json:"day"`
	// Measured are those whose datasets the pool knows.
	Measured []MeasuredUsage `json:"measured,omitempty"`
	// Known are the ids of hosts whose pool could not be asked.
	Known []string `json:"known,omitempty"`
}

// RecordUsage takes the samples of a batch of hosts. Done again it takes none.
func (c *Control) RecordUsage(ctx context.Context, in RecordUsageInput) (taken int, err error) {
	d := c.usageDay(billing.Day(in.Day))
	list := make([]catalog.Usage, len(in.Measured))
	for i, m := range in.Measured {
		list[i] = catalog.Usage{
			HostID: m.HostID, UsedBytes: m.Used, ReferencedBytes: m.Referenced, LogicalUsedBytes: m.LogicalUsed,
			Snapshots: m.Snapshots, At: m.At,
		}
	}
	if len(list) > 0 {
		if taken, err = c.Catalog.RecordUsage(ctx, d, list); err != nil {
			return taken, refused("recording usage", err)
		}
	}
	known, err := c.Catalog.RecordKnownUsage(ctx, d, in.Known)
	return taken + known, refused("recording usage", err)
}

// EndSampling writes down that the samples of a day were taken.
func (c *Control) EndSampling(ctx context.Context, day string) error {
	return refused("recording the day", c.Catalog.EndSampling(ctx, c.usageDay(billing.Day(day))))
}

// CountBilling gives what came of a day.
func (c *Control) CountBilling(ctx context.Context, day string) (catalog.BilledDay, error) {
	done, err := c.Catalog.BilledDay(ctx, day, c.Billing.names())
	return done, refused("counting what was billed", err)
}
