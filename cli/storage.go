package cli

import (
	"fmt"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
)

func (a *app) storageCommand() *ucli.Command {
	return &ucli.Command{
		Name: "storage", Usage: "look at the storages", Subcommands: []*ucli.Command{
			{
				Name: "list", Usage: "list the storages and how full they are",
				Description: "As their workers last saw them; growth, and the day they will be full if it goes on,\n" +
					"after the first days. With --stale, asks them now for datasets that no\n" +
					"host's files go to: those of removed hosts, with when they go, and those that PlanB\n" +
					"does not know.",
				Flags:  []ucli.Flag{&ucli.BoolFlag{Name: "stale", Usage: "list the datasets that no host has"}, jsonFlag()},
				Action: a.storageList,
			},
			{
				Name: "keep", Usage: "keep the data of a removed host for good", ArgsUsage: "DATASET", Action: a.storageKeep,
				Description: "Until somebody destroys it with zfs destroy.",
			},
			{
				Name: "rm", Usage: "forget a storage that is gone", ArgsUsage: "SERVER:DATASET", Action: a.storageRemove,
				Flags: []ucli.Flag{yesFlag()},
				Description: "Refused while it is the storage of any host. Nothing on its pool is touched. Take it\n" +
					"out of that server's planb.yaml first: a worker registers what it has.",
			},
		},
	}
}

func (a *app) storageList(c *ucli.Context) error {
	if c.Bool("stale") {
		return a.storageListStale(c)
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	storages, err := store.StorageRooms(ctx, catalog.Everything(), time.Now())
	if err != nil {
		return err
	}
	return list(a, c, storages, "SERVER DATASET HEALTH SCRUBBED SIZE USED FREE FULL GROWS-A-DAY FULL-ON HOSTS SEEN", func(s catalog.StorageRoom) []string {
		full := ""
		if s.SizeBytes != nil && s.UsedBytes != nil && *s.SizeBytes > 0 {
			full = fmt.Sprintf("%.0f%%", 100*float64(*s.UsedBytes)/float64(*s.SizeBytes))
		}
		return []string{
			s.Server, s.Dataset, s.Health, scrubAge(s, time.Now()), sizePtr(s.SizeBytes), sizePtr(s.UsedBytes), sizePtr(s.FreeBytes),
			full, growth(s.GrowthPerDay), day(s.FullAt), fmt.Sprint(s.Hosts), when(&s.SeenAt),
		}
	})
}

func (a *app) storageRemove(c *ucli.Context) error {
	if c.Args().Len() != 1 {
		return usagef("name one storage, as planb storage list lists them: SERVER:DATASET")
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	st, err := store.Storage(ctx, c.Args().First())
	if err != nil {
		return err
	}
	name := st.Server + ":" + st.Dataset
	if err := a.ask(c, fmt.Sprintf("Forget storage %s, last seen %s?", name, when(&st.SeenAt))); err != nil {
		return err
	}
	if _, err := store.RemoveStorage(ctx, name); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Forgot storage %s. What is on its pool is untouched.\n", name)
	return nil
}

// scrubAge says how long ago the pool was last scrubbed.
func scrubAge(s catalog.StorageRoom, now time.Time) string {
	text := string(s.ScrubState)
	if s.ScrubAt != nil {
		text = fmt.Sprintf("%.0fd ago", max(0, now.Sub(*s.ScrubAt).Hours()/24))
		if s.ScrubErrors != nil && *s.ScrubErrors > 0 {
			text += fmt.Sprintf(", %d errors", *s.ScrubErrors)
		}
	}
	if s.DataErrors != nil && *s.DataErrors > 0 {
		text += fmt.Sprintf(", %d data errors", *s.DataErrors)
	}
	return text
}

// growth gives how many bytes more are used each day.
func growth(perDay *float64) string {
	switch {
	case perDay == nil:
		return ""
	case *perDay < 0:
		return "-" + size(int64(-*perDay))
	}
	return size(int64(*perDay))
}

// day gives the date of a time.
func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format(time.DateOnly)
}
