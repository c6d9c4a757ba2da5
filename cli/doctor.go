package cli

import (
	"fmt"
	"log/slog"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/config"
	"planb/internal/zfs"
	"planb/worker/doctor"
)

func (a *app) doctorCommand() *ucli.Command {
	return &ucli.Command{
		Name: "doctor", Usage: "look whether this installation can work, and say what to do where it cannot",
		Description: "Checks from this machine, as the user that runs it: run it as the user that PlanB runs as, with the\n" +
			"same configuration, on each machine. What is not of this machine, such as the pool beside the\n" +
			"catalog, is told as \"not here\". Nothing is changed, and no secret is printed.\n\n" +
			"Exit status: 0 all is well, 1 something is wrong.",
		Flags:  []ucli.Flag{jsonFlag()},
		Action: a.doctor,
	}
}

func (a *app) doctor(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb doctor takes no arguments")
	}
	found := []doctor.Finding{}
	wrong := false
	tell := func(f doctor.Finding) {
		found = append(found, f)
		wrong = wrong || f.State == doctor.Wrong
		if !c.Bool("json") {
			fmt.Fprintf(a.stdout, "%-8s  %s: %s\n", f.State, f.Check, oneLine(f.Text))
		}
	}
	cfg, err := config.Load(c.String("config"), a.environ)
	if err != nil {
		tell(doctor.Finding{Check: "configuration", State: doctor.Wrong, Text: err.Error()})
	} else {
		tell(doctor.Finding{Check: "configuration", State: doctor.OK, Text: "can be read, and has no mistake"})
		d := &doctor.Doctor{
			Config: cfg, Now: time.Now,
			ZFS: zfs.New(zfs.Options{Sudo: cfg.ZFS.Sudo, ViewDir: cfg.State + "/views", Log: slog.New(slog.DiscardHandler)}),
		}
		d.Look(c.Context, tell)
	}
	if c.Bool("json") {
		if err := a.printJSON(found); err != nil {
			return err
		}
	}
	if wrong {
		return errSilent
	}
	return nil
}
