package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"planb/internal/devstack"
	"planb/internal/mailcatch"
)

const (
	// demoMailPatience bounds the wait for a mail, which takes seconds.
	demoMailPatience = 2 * time.Minute
	mailLook         = 200 * time.Millisecond
)

// mails waits for the mails that the demo leads to, and tells of them: of the
// first success of the host, and the digest.
func (d *demo) mails(ctx context.Context, state string) error {
	ctx, cancel := context.WithTimeout(ctx, demoMailPatience)
	defer cancel()
	dir := mailcatch.Maildir(devstack.Maildir(state))
	fmt.Fprintf(d.app.stdout, "\n# Mails about it, at %s\n", d.info.MailURL)
	for _, about := range []string{demoHost + " has its first good backup", "PlanB: "} {
		l, err := waitForMail(ctx, dir, about)
		if err != nil {
			return fmt.Errorf("there is no mail about %q: see planb notices: %w", about, err)
		}
		fmt.Fprintf(d.app.stdout, "#   %s: %s/mail/%s\n", l.Subject, d.info.MailURL, l.Name)
	}
	return nil
}

// waitForMail gives the newest mail whose subject has such a text.
func waitForMail(ctx context.Context, dir mailcatch.Maildir, about string) (mailcatch.Letter, error) {
	tick := time.NewTicker(mailLook)
	defer tick.Stop()
	for {
		names, err := dir.Names()
		if err != nil {
			return mailcatch.Letter{}, err
		}
		for _, name := range names {
			if l, err := dir.Read(name); err == nil && strings.Contains(l.Subject, about) {
				return l, nil
			}
		}
		select {
		case <-ctx.Done():
			return mailcatch.Letter{}, ctx.Err()
		case <-tick.C:
		}
	}
}
