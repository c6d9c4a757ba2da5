package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	ucli "github.com/urfave/cli/v2"

	"planb/internal/config"
	"planb/internal/notify"
)

func (a *app) notifyCommand() *ucli.Command {
	return &ucli.Command{
		Name: "notify", Usage: "see the channels on which people and machines are told", Subcommands: []*ucli.Command{
			{
				Name: "list", Usage: "list the channels of planb.yaml",
				Flags: []ucli.Flag{jsonFlag()}, Action: a.notifyList,
			},
			{
				Name: "test", Usage: "send a test notice through a channel", ArgsUsage: "CHANNEL",
				Description: "It goes out from this process, to the channel's own recipients.",
				Action:      a.notifyTest,
			},
		},
	}
}

// channelLine is a channel without its secrets.
type channelLine struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Severity config.Severity `json:"severity"`
	Groups   []string        `json:"groups"`
}

func (a *app) notifyList(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb notify list takes no arguments")
	}
	cfg, err := a.config(c)
	if err != nil {
		return err
	}
	lines := []channelLine{}
	for _, ch := range cfg.Notify.Channels {
		if _, err := notify.New(ch); err != nil {
			return err
		}
		lines = append(lines, channelLine{ch.Name, ch.Type, ch.Severity, ch.Groups})
	}
	return list(a, c, lines, "CHANNEL TYPE SEVERITY GROUPS", func(l channelLine) []string {
		return []string{l.Name, l.Type, string(l.Severity), strings.Join(l.Groups, " ")}
	})
}

func (a *app) notifyTest(c *ucli.Context) error {
	if c.NArg() != 1 {
		return usagef("name one channel: planb notify test CHANNEL (see planb notify list)")
	}
	cfg, err := a.config(c)
	if err != nil {
		return err
	}
	name := c.Args().First()
	for _, ch := range cfg.Notify.Channels {
		if ch.Name != name {
			continue
		}
		channel, err := notify.New(ch)
		if err != nil {
			return err
		}
		return a.sendTest(c, cfg, name, channel)
	}
	return notFoundf("there is no channel %q in planb.yaml: see planb notify list", name)
}

func (a *app) sendTest(c *ucli.Context, cfg *config.Config, name string, channel notify.Channel) error {
	recipients := channel.Recipients(nil)
	if len(recipients) == 0 {
		return refusedf("the channel %s has no recipients of its own, only those of groups: set to:", name)
	}
	n := notify.Notice{
		Key: "test/" + uuid.NewString(), Kind: notify.Test, Severity: config.SeverityInfo,
		Title: "This is a test of the channel " + name, Cause: "Somebody ran planb notify test.",
		Remedy: "None is needed.", URL: cfg.Web.URL, At: time.Now(),
	}
	failed := false
	for _, to := range recipients {
		where := name
		if to != "" {
			where += " (" + to + ")"
		}
		if err := channel.Send(c.Context, to, n); err != nil {
			fmt.Fprintf(a.stderr, "planb: %s was not told: %v\n", where, err)
			failed = true
			continue
		}
		fmt.Fprintf(a.stdout, "%s was told.\n", where)
	}
	if failed {
		return errSilent
	}
	return nil
}
