package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/policy"
	"planb/internal/sshx"
	"planb/worker/operate"
)

func (a *app) hostEdit(c *ucli.Context) error {
	host, err := hostArg(c)
	if err != nil {
		return err
	}
	e, err := hostChange(c)
	if err != nil {
		return err
	}
	forgetJump := false
	e.Settings = func(s *policy.Settings) error {
		err := unset(c, s, func(field string) bool {
			switch field {
			case "notes":
				e.Notes = new("")
			case "tag":
				e.Tags = &[]string{}
			case "host-key":
				e.HostKeys = &[]string{}
			case "jump-host-key":
				forgetJump = true
			default:
				return false
			}
			return true
		})
		if err != nil {
			return err
		}
		return setPolicy(c, s)
	}
	// Once in advance: wrong flags are told before anything is opened, and
	// what --unset forgets of the host itself is known.
	if err := e.Settings(&policy.Settings{}); err != nil {
		return err
	}
	if c.NumFlags() == 0 {
		return usagef("nothing to change: give a flag, see planb host edit --help")
	}
	if server, err := a.remote(c); server != nil || err != nil {
		if err != nil {
			return err
		}
		change := remoteChange(c, e)
		change.ForgetJumpHostKeys = forgetJump
		if err := server.EditHost(c.Context, host, change); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "Changed host %s.\n", host)
		return nil
	}
	if _, err := a.temporal(c); err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	if forgetJump {
		if err := (operate.Operator{Catalog: store}).ForgetJumpHostKeys(ctx, host); err != nil {
			return err
		}
	}
	if _, err := store.EditHost(ctx, host, e); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Changed host %s.\n", host)
	return a.syncSchedules(c, host)
}

// parseHostKeys reads the values of --host-key.
func parseHostKeys(lines []string) ([]string, error) {
	keys, err := sshx.ParseHostKeys(lines)
	if err != nil {
		return nil, usagef("--host-key: %w", err)
	}
	return keys, nil
}
