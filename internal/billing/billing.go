// Package billing posts what hosts used on a day to the systems that make bills
// of it: one small file for each kind of system.
//
// A post may be tried again after its answer was lost. Whoever receives it knows
// it again, by the names and the day in it or by its key, and says that it is
// there already: that is a success here.
package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"planb/internal/config"
)

// Sample is what a host used on a day. Sizes are bytes; nil is not known. It is
// what templates of one's own are given.
type Sample struct {
	// Key is the same whenever the sample is posted: day/host id.
	Key  string
	Day  string // 2026-11-27
	Late bool   // taken after the day
	// Group and Host are the names on that day; HostID stays when they change.
	Group, Host, HostID string
	Enabled             bool
	Used                int64 // with all snapshots
	Referenced          int64 // the newest files alone
	LogicalUsed         *int64
	Snapshots           int
	Files               *int64
	// Namesake is the host, billed before this one, of which Group-Host reads the
	// same: a/b-c of a-b/c. Empty for none.
	Namesake string
}

// States of an answer.
const (
	// Posted is one that the receiver has.
	Posted = "posted"
	// Refused is one that it does not want: somebody has to see to it.
	Refused = "refused"
)

// Answer is what came of one sample.
type Answer struct {
	// State is empty where nothing is known: it has to be posted again.
	State string
	// Existed says that the receiver had it already.
	Existed bool
	// Error is the receiver's reason, of one that was refused.
	Error string
	// Sent is what was sent for the sample, without secrets.
	Sent string
}

// Poster posts samples to one receiver.
type Poster interface {
	// Name is what the configuration calls it.
	Name() string
	// Batch is how many samples go in one call.
	Batch() int
	// Post gives one answer for each sample, in their order. With an error, those
	// whose answer has no state are to be posted again. Errors are sentences
	// without secrets.
	Post(ctx context.Context, samples []Sample) ([]Answer, error)
}

// New gives the posters of a configuration, or says what is wrong with it.
func New(cfg config.Billing) ([]Poster, error) {
	var all []Poster
	for _, c := range cfg.Posters {
		p, err := newPoster(c)
		if err != nil {
			return nil, fmt.Errorf("billing.posters, %s: %w", c.Name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func newPoster(c config.BillingPoster) (Poster, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("url must be that of the receiver: https://billing.example/…")
	}
	switch c.Kind {
	case "form":
		return newForm(c), nil
	case "rest":
		return newREST(c, u)
	case "template":
		return newTemplate(c)
	}
	return nil, fmt.Errorf("kind is %q: give form, rest or template", c.Kind)
}

// compact writes v on one line of JSON, for the record.
func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
