package cli

import (
	"net"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/mailcatch"
)

// devMailCommand is how planb dev up runs its mail server.
func (a *app) devMailCommand() *ucli.Command {
	return &ucli.Command{
		Name: "mail", Hidden: true, Usage: "take mails, keep them in a maildir, and show them; send none on", Action: a.devMail,
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "maildir", Required: true, Usage: "keep mails in `DIR`"},
			&ucli.StringFlag{Name: "smtp", Required: true, Usage: "take mails at `ADDRESS`"},
			&ucli.StringFlag{Name: "web", Required: true, Usage: "show them at `ADDRESS`"},
		},
	}
}

func (a *app) devMail(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb dev mail takes no arguments")
	}
	var at [2]net.Listener
	for i, flag := range []string{"smtp", "web"} {
		l, err := (&net.ListenConfig{}).Listen(c.Context, "tcp", c.String(flag))
		if err != nil {
			return err
		}
		at[i] = l
	}
	return mailcatch.Serve(c.Context, mailcatch.Maildir(c.String("maildir")), at[0], at[1])
}
