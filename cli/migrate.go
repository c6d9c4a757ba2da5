package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
)

func (a *app) migrateCommand() *ucli.Command {
	return &ucli.Command{
		Name: "migrate", Usage: "bring the tables of the catalog to this version of planb",
		Description: "Safe to run at any time; it changes only what is missing. Stop planb control and\n" +
			"web of older versions first.",
		Action: func(c *ucli.Context) error {
			if c.Args().Present() {
				return usagef("planb migrate takes no arguments")
			}
			cfg, err := a.config(c)
			if err != nil {
				return err
			}
			from, to, err := catalog.Migrate(c.Context, cfg.Database.URL)
			if err != nil {
				return err
			}
			if from == to {
				fmt.Fprintf(a.stdout, "The catalog is at version %d already.\n", to)
				return nil
			}
			fmt.Fprintf(a.stdout, "The catalog went from version %d to version %d.\n", from, to)
			return nil
		},
	}
}
