package cli

import (
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
)

func (a *app) noticesCommand() *ucli.Command {
	return &ucli.Command{
		Name: "notices", Usage: "list what was told, to whom, and what is yet to be told",
		Description: "The newest first. OPEN is what still lasts.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "host", Usage: "only those of `HOST`"},
			&ucli.BoolFlag{Name: "open", Usage: "only those of what still lasts"},
			&ucli.BoolFlag{Name: "undelivered", Usage: "only those that somebody was not told, or not yet"},
			&ucli.IntFlag{Name: "limit", Usage: "list `N` at most", Value: 50},
			jsonFlag(),
		},
		Action: a.notices,
	}
}

func (a *app) notices(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb notices takes no arguments: see planb notices --help")
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	page, err := store.Notices(ctx, catalog.NoticeQuery{
		Visible: catalog.Everything(), Host: c.String("host"), Open: c.Bool("open"), Undelivered: c.Bool("undelivered"), Limit: c.Int("limit"),
	})
	if err != nil {
		return err
	}
	if page.Notices == nil {
		page.Notices = []catalog.NoticeLine{}
	}
	return list(a, c, page.Notices, "AT SEVERITY KIND OPEN NOTICE TOLD", func(n catalog.NoticeLine) []string {
		open := ""
		if n.Open {
			open = "open"
		}
		return []string{n.At.UTC().Format(time.DateTime), n.Severity, n.Kind, open, n.Title, toldWords(n)}
	})
}

// toldWords say who was told, and who was not.
func toldWords(n catalog.NoticeLine) string {
	var words []string
	for _, d := range n.Deliveries {
		to := d.Channel
		if d.Recipient != "" {
			to += " " + string(d.Recipient)
		}
		switch d.State {
		case catalog.DeliverySent:
			words = append(words, to)
		case catalog.DeliveryGaveUp:
			words = append(words, to+" gave up: "+string(d.LastError))
		default:
			words = append(words, to+" waits: "+string(d.LastError))
		}
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, ", ")
	case n.DoneAt == nil:
		return "not yet"
	}
	return "nobody"
}
