package cli

import (
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
)

func (a *app) reportList(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb report list takes no arguments: see planb report list --help")
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	page, err := store.Reports(ctx, catalog.ReportQuery{Visible: catalog.Everything(), Group: c.String("group"), Limit: c.Int("limit")})
	if err != nil {
		return err
	}
	if page.Reports == nil {
		page.Reports = []catalog.ReportLine{}
	}
	return list(a, c, page.Reports, "MADE REPORT SUBJECT SENT", func(r catalog.ReportLine) []string {
		return []string{r.MadeAt.UTC().Format(time.DateTime), r.Name(), r.Subject, sentWords(r.Mails)}
	})
}

// sentWords say who has a report, and who has not.
func sentWords(mails []catalog.ReportMail) string {
	words := make([]string, len(mails))
	for i, m := range mails {
		words[i] = m.Recipient
		switch m.State {
		case catalog.DeliveryGaveUp:
			words[i] += " gave up: " + string(m.LastError)
		case catalog.DeliveryPending:
			words[i] += " waits: " + string(m.LastError)
		}
	}
	if len(words) == 0 {
		return "nobody"
	}
	return strings.Join(words, ", ")
}
