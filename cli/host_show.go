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

func (a *app) hostShow(c *ucli.Context) error {
	host, err := hostArg(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	shown, err := store.HostShown(ctx, host, time.Now())
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printObject(shown)
	}
	h, o, effective := shown.Record(), shown.HostOverview, shown.Policy
	if h.Module != "" && effective.Port.From == policy.LevelDefault {
		effective.Port.Value = daemonPort
	}
	a.printFacts(o.Host, hostFacts(h, o))
	return a.printPolicy(c, effective)
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
