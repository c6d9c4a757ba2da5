package doctor

import (
	"context"

	"planb/internal/notify"
)

// mail looks whether the mail servers of channels answer. Nothing is sent, and
// nobody signs in.
func (d *Doctor) mail(ctx context.Context) {
	const check = "mail"
	if d.Config.Database.URL == "" {
		d.say(check, NotHere, "planb control sends it")
		return
	}
	any := false
	for _, c := range d.Config.Notify.Channels {
		if c.Type != "mail" {
			continue
		}
		any = true
		asking, cancel := context.WithTimeout(ctx, patience)
		err := notify.Greet(asking, c)
		cancel()
		if err != nil {
			d.say(check+" "+c.Name, Wrong, "%s", err)
			continue
		}
		d.say(check+" "+c.Name, OK, "the mail server %s answers", c.Server)
	}
	if !any {
		d.say(check, NotHere, "no channel of notify.channels is mail: nobody is mailed")
	}
}
