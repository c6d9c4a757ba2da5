package notify

import (
	"context"
	"fmt"

	"planb/internal/config"
)

// Channels are those that the configuration names.
type Channels struct{ list []configured }

type configured struct {
	config.Channel
	way Channel
}

// Recipient is somebody to be told on a channel.
type Recipient struct {
	Channel string
	// Recipient is empty where the channel has no names for them.
	Recipient string
}

// NewChannels makes all channels. Its errors name the one that is wrong, and how.
func NewChannels(c config.Notify) (*Channels, error) {
	all := &Channels{}
	for _, ch := range c.Channels {
		way, err := New(ch)
		if err != nil {
			return nil, err
		}
		all.list = append(all.list, configured{ch, way})
	}
	return all, nil
}

// For gives all who are to be told of n; mails are the addresses of its group.
func (c *Channels) For(n Notice, mails []string) []Recipient {
	if c == nil {
		return nil
	}
	var to []Recipient
	for _, ch := range c.list {
		if !Takes(ch.Channel, n) {
			continue
		}
		for _, r := range ch.way.Recipients(mails) {
			to = append(to, Recipient{ch.Name, r})
		}
	}
	return to
}

// WaitsForGood says whether somebody is to be told of each good snapshot of a
// host in group.
func (c *Channels) WaitsForGood(group string) bool {
	return len(c.For(Notice{Kind: Good, Severity: config.SeverityInfo, Group: group}, nil)) > 0
}

// Send tells one recipient on a channel, once. It errors with a *RefusedError if
// a second try would end the same, as it would on a channel that is configured no
// more, or for something else by now.
func (c *Channels) Send(ctx context.Context, channel, recipient string, n Notice) error {
	if c != nil {
		for _, ch := range c.list {
			if ch.Name == channel {
				if types[ch.Type].good != (n.Kind == Good) {
					return &RefusedError{fmt.Errorf("the channel %s is of the type %s now, which is not for this", channel, ch.Type)}
				}
				return ch.way.Send(ctx, recipient, n)
			}
		}
	}
	return &RefusedError{fmt.Errorf("there is no channel %s in planb.yaml any more", channel)}
}
