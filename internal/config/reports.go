package config

import (
	"fmt"
	"time"
)

// Reports is about the daily digest and the monthly reports that are mailed. It
// is for control; the pages need the zone.
type Reports struct {
	// Channel is the mail channel that they go through. Default: the first of
	// notify.channels that is one; without any, nothing is mailed.
	Channel string `yaml:"channel"`
	// At is when they are sent, as 07:00, which is the default, in Timezone.
	// Default: UTC.
	At       string `yaml:"at"`
	Timezone string `yaml:"timezone"`
	// Digest and Monthly are on, the default, or off: not sent but by hand.
	Digest  string `yaml:"digest"`
	Monthly string `yaml:"monthly"`
	// DigestTo are who gets the digest. Default: the channel's own recipients.
	DigestTo []string `yaml:"digest_to"`
}

func (r *Reports) complete(n Notify) error {
	setDefault(&r.At, "07:00")
	setDefault(&r.Timezone, "UTC")
	setDefault(&r.Digest, "on")
	setDefault(&r.Monthly, "on")
	if _, err := r.Clock(); err != nil {
		return err
	}
	if _, err := r.Zone(); err != nil {
		return err
	}
	for name, v := range map[string]string{"digest": r.Digest, "monthly": r.Monthly} {
		if v != "on" && v != "off" {
			return fmt.Errorf("reports.%s is %q: it is on or off", name, v)
		}
	}
	c := r.Mail(n)
	if r.Channel != "" && c == nil {
		return fmt.Errorf("reports.channel is %q: name one of type mail of notify.channels", r.Channel)
	}
	if c != nil && len(r.DigestTo) == 0 {
		r.DigestTo = c.To
	}
	return nil
}

// Mail gives the channel of n that reports go through; nil where there is none.
func (r *Reports) Mail(n Notify) *Channel {
	for i, c := range n.Channels {
		if c.Type == "mail" && (r.Channel == "" || r.Channel == c.Name) {
			return &n.Channels[i]
		}
	}
	return nil
}

// Clock gives when reports are sent, as the time since midnight.
func (r *Reports) Clock() (time.Duration, error) {
	at, err := time.Parse("15:04", r.At)
	if err != nil {
		return 0, fmt.Errorf("reports.at is %q: give a time of the day such as 07:00", r.At)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

// Zone gives the zone of At, and of the days that have a digest.
func (r *Reports) Zone() (*time.Location, error) {
	return namedZone("reports.timezone", r.Timezone)
}

func namedZone(key, name string) (*time.Location, error) {
	if name == "Local" {
		return nil, fmt.Errorf("%s is Local: name a zone such as Europe/Amsterdam", key)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%s %q is not known: name one such as Europe/Amsterdam", key, name)
	}
	return zone, nil
}
