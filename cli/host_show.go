package cli

import (
	"fmt"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// daemonPort is what the port of an rsync daemon is where no level sets it
// (rsync(1), --port); the default of the policy is that of ssh.
const daemonPort = 873

// hostShown is a host as `host list` has it, with the rest of its record and
// its policy.
type hostShown struct {
	catalog.HostOverview
	Transport        string           `json:"transport"`
	Module           catalog.Text     `json:"module"`
	DatasetMade      bool             `json:"dataset_made"`
	HostKeys         []string         `json:"host_keys"`
	Notes            string           `json:"notes"`
	LastGoodSnapshot catalog.Text     `json:"last_good_snapshot"`
	MeasuredAt       *time.Time       `json:"measured_at"`
	CreatedAt        time.Time        `json:"created_at"`
	UpdatedAt        time.Time        `json:"updated_at"`
	Policy           policy.Effective `json:"policy"`
}

func (a *app) hostShow(c *ucli.Context) error {
	host, err := hostArg(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	hp, err := store.HostPolicy(ctx, host)
	if err != nil {
		return err
	}
	o, err := store.HostOverview(ctx, host, time.Now())
	if err != nil {
		return err
	}
	h := hp.Host
	if c.Bool("json") {
		return a.printObject(hostShown{
			HostOverview: o, Transport: h.Transport, Module: catalog.Text(h.Module), DatasetMade: h.DatasetMade,
			HostKeys: h.HostKeys, Notes: h.Notes, LastGoodSnapshot: catalog.Text(h.LastGoodSnapshot),
			MeasuredAt: h.MeasuredAt, CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt, Policy: hp.Policy,
		})
	}
	if h.Module != "" && hp.Policy.Port.From == policy.LevelDefault {
		hp.Policy.Port.Value = daemonPort
	}
	a.printFacts(o.Host, hostFacts(h, o))
	return a.printPolicy(c, hp.Policy)
}

func hostFacts(h catalog.Host, o catalog.HostOverview) [][2]string {
	facts := [][2]string{
		{"address", h.Address},
		{"transport", "ssh"},
		{"health", strings.TrimSuffix(string(o.Health)+": "+string(o.HealthReason), ": ")},
		{"suspect since", at(o.SuspectSince, "planb host accept or reject decides")},
		{"disabled", h.DisabledReason},
		{"last good", at(o.LastGood, h.LastGoodSnapshot)},
		{"last proven", at(o.LastProven, h.LastProvenSnapshot)},
		{"last verify", at(o.LastVerify, string(o.LastVerifyState))},
		{"last run", at(o.LastRun, strings.TrimSpace(string(o.State)+" "+string(o.Message)))},
		{"next run", at(o.NextRun, "")},
		{"storage", ""},
		{"dataset", h.Dataset},
		{"snapshots", fmt.Sprint(h.SnapshotCount)},
		{"used", bytesOf(h.UsedBytes)},
		{"referenced", bytesOf(h.ReferencedBytes)},
		{"host keys", "those of the first contact will be pinned"},
		{"tags", strings.Join(h.Tags, " ")},
		{"notes", oneLine(h.Notes)},
	}
	set := func(name, value string) {
		for i := range facts {
			if facts[i][0] == name {
				facts[i][1] = value
			}
		}
	}
	if h.Module != "" {
		set("transport", "rsync daemon, module "+h.Module)
		set("host keys", "")
	}
	if h.Storage != "" {
		set("storage", h.Server+":"+h.Storage)
	}
	if h.Dataset != "" && !h.DatasetMade {
		set("dataset", h.Dataset+" (not made yet)")
	}
	if len(h.HostKeys) > 0 {
		set("host keys", fmt.Sprintf("%d pinned", len(h.HostKeys)))
	}
	return facts
}

// at gives a time with a remark, or nothing without a time.
func at(t *time.Time, remark string) string {
	if t == nil {
		return ""
	}
	if remark != "" {
		remark = " (" + remark + ")"
	}
	return when(t) + remark
}

func bytesOf(n *int64) string {
	if n == nil {
		return ""
	}
	return size(*n)
}
