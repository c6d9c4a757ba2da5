package activities

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/config"
	"planb/internal/notify"
)

// NoticePlan says on which channels a notice is told.
type NoticePlan struct {
	Kind     string   `json:"kind"`
	Title    string   `json:"title"`
	Channels []string `json:"channels"`
}

// PlanNotice notes to whom a notice goes, by the configuration as it is now, and
// gives the channels on which somebody is still to be told.
func (c *Control) PlanNotice(ctx context.Context, key string) (NoticePlan, error) {
	n, err := c.Catalog.Notice(ctx, key)
	if err != nil {
		return NoticePlan{}, refused("reading the notice", err)
	}
	plan := NoticePlan{Kind: n.Kind, Title: n.Title}
	to, err := c.recipients(ctx, n)
	if err != nil {
		return plan, err
	}
	all, err := c.Catalog.PlanDeliveries(ctx, n.ID, to, c.Now())
	if err != nil {
		return plan, refused("noting whom to tell", err)
	}
	for _, d := range all {
		if d.State == catalog.DeliveryPending && !slices.Contains(plan.Channels, d.Channel) {
			plan.Channels = append(plan.Channels, d.Channel)
		}
	}
	return plan, nil
}

func (c *Control) recipients(ctx context.Context, n catalog.Notice) ([]catalog.Delivery, error) {
	var mails []string
	if n.Group != "" {
		g, err := c.Catalog.Group(ctx, string(n.Group))
		switch {
		case err == nil:
			mails = g.Emails
		case !catalog.IsNotFound(err): // removed with its hosts
			return nil, refused("reading the group", err)
		}
	}
	var to []catalog.Delivery
	for _, r := range c.Channels.For(c.noticeOf(n), mails) {
		to = append(to, catalog.Delivery{Channel: r.Channel, Recipient: catalog.Text(r.Recipient)})
	}
	return to, nil
}

// noticeOf is a notice as channels tell it.
func (c *Control) noticeOf(n catalog.Notice) notify.Notice {
	out := notify.Notice{
		Key: n.Key, Kind: notify.Kind(n.Kind), Severity: config.Severity(n.Severity), Host: string(n.Host), HostID: string(n.HostID), Group: string(n.Group),
		Title: n.Title, Cause: string(n.Cause), Remedy: string(n.Remedy), Run: string(n.Run), At: n.At,
	}
	switch at := strings.TrimSuffix(c.WebURL, "/"); {
	case at == "":
	case n.Run != "":
		out.URL = at + "/runs/" + url.PathEscape(string(n.Run))
	case n.Host != "":
		out.URL = at + "/hosts/" + string(n.Host)
	default:
		out.URL = at + "/"
	}
	return out
}

// TellInput is a notice on its way through one channel.
type TellInput struct {
	Key     string `json:"key"`
	Channel string `json:"channel"`
}

// sendTimeout bounds one try to tell one recipient.
const sendTimeout = time.Minute

// Tell tells those on one channel who were not told yet. Each one who was is on
// record before the next is tried: a second try goes to the others only. Who is
// refused for good is not tried again. It fails while somebody is left.
func (c *Control) Tell(ctx context.Context, in TellInput) error {
	n, err := c.Catalog.Notice(ctx, in.Key)
	if err != nil {
		return refused("reading the notice", err)
	}
	of, err := c.Catalog.Deliveries(ctx, n.ID)
	if err != nil {
		return refused("reading whom to tell", err)
	}
	var left []error
	for _, d := range of[n.ID] {
		if d.Channel != in.Channel || d.State != catalog.DeliveryPending {
			continue
		}
		failed, err := c.tellOne(ctx, n, d)
		if err != nil {
			return err
		}
		if failed != nil {
			left = append(left, failed)
		}
	}
	return errors.Join(left...)
}

// tellOne tries one recipient, and says why that one is still to be told; err is
// that nobody could note it.
func (c *Control) tellOne(ctx context.Context, n catalog.Notice, d catalog.Delivery) (failed, err error) {
	d.State, d.LastError = catalog.DeliverySent, ""
	sending, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if failed = c.Channels.Send(sending, d.Channel, string(d.Recipient), c.noticeOf(n)); failed != nil {
		d.State, d.LastError = catalog.DeliveryPending, catalog.Text(failed.Error())
		if notify.Refused(failed) {
			d.State = catalog.DeliveryGaveUp
			c.Log.Error("a notice was refused for good", "notice", n.Title, "channel", d.Channel, "recipient", d.Recipient, "error", failed)
			failed = nil
		}
	}
	// Whoever was told stays told, also when this worker stops now.
	noting, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer done()
	if err := c.Catalog.RecordDelivery(noting, d, c.Now()); err != nil {
		return failed, fmt.Errorf("noting who was told: %w", err)
	}
	return failed, nil
}

// Told is what became of a notice.
type Told struct {
	Title string `json:"title"`
	// GaveUp names those who were not told, and why.
	GaveUp []string `json:"gave_up,omitempty"`
}

// FinishNotice notes that a notice is done with, and whom nobody could tell.
func (c *Control) FinishNotice(ctx context.Context, key string) (Told, error) {
	n, err := c.Catalog.Notice(ctx, key)
	if err != nil {
		return Told{}, refused("reading the notice", err)
	}
	told := Told{Title: n.Title}
	gaveUp, err := c.Catalog.FinishNotice(asActor(ctx), n.ID, c.Now())
	for _, d := range gaveUp {
		told.GaveUp = append(told.GaveUp, fmt.Sprintf("%s %s: %s", d.Channel, d.Recipient, d.LastError))
	}
	return told, refused("noting who was told", err)
}
