package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/ident"
)

func reasonFlag() ucli.Flag {
	return &ucli.StringFlag{Name: "reason", Usage: "why, for whoever wonders later"}
}

func (a *app) hostEnable(c *ucli.Context) error { return a.setEnabled(c, true, "Enabled host") }

func (a *app) hostDisable(c *ucli.Context) error { return a.setEnabled(c, false, "Disabled host") }

// setEnabled changes whether the hosts that the arguments name start by
// schedule. All of them are looked for before any is changed.
func (a *app) setEnabled(c *ucli.Context, enabled bool, done string) error {
	hosts, err := hostArgs(c)
	if err != nil {
		return err
	}
	if server, err := a.remote(c); server != nil || err != nil {
		if err != nil {
			return err
		}
		return a.remoteSetEnabled(c, server, hosts, enabled, done)
	}
	var o openedHost
	for _, h := range hosts {
		if o, err = a.open(c, h); err != nil {
			return err
		}
	}
	reason := c.String("reason")
	if !enabled && reason == "" {
		reason = "by " + actor()
	}
	for _, h := range hosts {
		if _, err := o.store.SetEnabled(o.ctx, h, enabled, reason); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s %s.\n", done, h)
	}
	return a.syncSchedules(c, hosts...)
}

// hostArgs gives the arguments, hosts.
func hostArgs(c *ucli.Context) ([]ident.Host, error) {
	if !c.Args().Present() {
		return nil, usagef("name the hosts: planb %s GROUP/NAME…", c.Command.FullName())
	}
	hosts := make([]ident.Host, 0, c.Args().Len())
	for _, arg := range c.Args().Slice() {
		h, err := ident.ParseHost(arg)
		if err != nil {
			return nil, usageError(err)
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}
