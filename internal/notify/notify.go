// Package notify tells people and machines: a Notice goes out through Channels,
// each one file, which are made from the configuration.
package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"planb/internal/config"
)

// Kind is what a notice tells of.
type Kind string

// Kinds of notices.
const (
	Failed       Kind = "failed"
	Partial      Kind = "partial"
	Late         Kind = "late"
	Suspect      Kind = "suspect"
	Recovered    Kind = "recovered"
	FirstSuccess Kind = "first_success"
	Disabled     Kind = "disabled"
	Enabled      Kind = "enabled"
	// Good is told of each good snapshot.
	Good Kind = "good"
	// Test is sent by hand, to see that a channel works.
	Test Kind = "test"
)

// Notice is what is told.
type Notice struct {
	// Key is the same however often a delivery is tried, and tells a second try
	// from a second notice.
	Key      string          `json:"key"`
	Kind     Kind            `json:"kind"`
	Severity config.Severity `json:"severity"`
	// Host is group/name, empty for what is about no host.
	Host string `json:"host,omitempty"`
	// HostID stays when the host is renamed.
	HostID string `json:"host_id,omitempty"`
	Group  string `json:"group,omitempty"`
	// Title, Cause and Remedy are sentences for people. They may carry names of
	// files, so any character.
	Title  string    `json:"title"`
	Cause  string    `json:"cause,omitempty"`
	Remedy string    `json:"remedy,omitempty"`
	URL    string    `json:"url,omitempty"`
	Run    string    `json:"run,omitempty"`
	At     time.Time `json:"at"`
}

// Channel is one way to tell.
type Channel interface {
	// Recipients gives who is told on it: one that is empty where the channel
	// has no names for them. Mails are the addresses of the notice's group.
	Recipients(mails []string) []string
	// Send tells one recipient, once. It errors with a *RefusedError if a second
	// try would end the same.
	Send(ctx context.Context, recipient string, n Notice) error
}

// RefusedError is an answer that will be the same for ever.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// Refused says whether err will be the same for ever.
func Refused(err error) bool {
	var r *RefusedError
	return errors.As(err, &r)
}

// channelType is a type of channels.
type channelType struct {
	create func(config.Channel) (Channel, error)
	// settings are those that it takes, besides those that all take.
	settings []string
	// good has it told of good snapshots, of which nobody else is, and of nothing
	// but them.
	good bool
}

// types are all there are; a new one is a file, and a line here.
var types = map[string]channelType{
	"chat":    chatType,
	"command": commandType,
	"mail":    mailType,
	"ping":    pingType,
	"webhook": webhookType,
	"zabbix":  zabbixType,
}

// ofAll are the settings that each type takes.
var ofAll = []string{"name", "type", "severity", "groups"}

// New makes a channel from its configuration.
func New(c config.Channel) (Channel, error) {
	ch, err := create(c)
	if err != nil {
		return nil, fmt.Errorf("notify.channels, %s: %w", c.Name, err)
	}
	return ch, nil
}

func create(c config.Channel) (Channel, error) {
	t, ok := types[c.Type]
	if !ok {
		return nil, fmt.Errorf("there is no type %q: it is one of %s", c.Type, strings.Join(slices.Sorted(maps.Keys(types)), ", "))
	}
	for _, name := range c.Given() {
		if !slices.Contains(ofAll, name) && !slices.Contains(t.settings, name) {
			return nil, fmt.Errorf("%s is not for the type %s, which takes %s: remove it", name, c.Type, strings.Join(t.settings, ", "))
		}
	}
	return t.create(c)
}

// Takes says whether a notice goes to the channel of c.
func Takes(c config.Channel, n Notice) bool {
	return types[c.Type].good == (n.Kind == Good) && n.Severity.Rank() >= c.Severity.Rank() &&
		(len(c.Groups) == 0 || slices.Contains(c.Groups, n.Group))
}
