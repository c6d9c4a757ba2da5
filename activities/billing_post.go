package activities

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"planb/internal/billing"
	"planb/internal/catalog"
)

// PostUsageInput asks for what is to be posted of a day.
type PostUsageInput struct {
	Day    string `json:"day"`
	Poster string `json:"poster"`
	// Began is when the workflow did: what is refused is posted again once for each.
	Began time.Time `json:"began"`
}

const (
	// postTime is how long one PostUsage goes on, PostTimeout bounds it with the
	// last of its calls.
	postTime    = time.Minute
	PostTimeout = postTime + 3*time.Minute
	// postBeat is how often it lets Temporal know that this process is there.
	postBeat = 5 * time.Second
)

// PostUsage posts samples for a while, and says whether some are left. Each
// answer is on record before the next sample is posted.
func (c *Control) PostUsage(ctx context.Context, in PostUsageInput) (more bool, err error) {
	p := c.poster(in.Poster)
	if p == nil {
		return false, nil // taken out of the configuration meanwhile
	}
	ctx, stop := beat(ctx, activity.GetClient(ctx), cmp.Or(c.Billing.Heartbeats, postBeat), activity.RecordHeartbeat, func() any { return nil })
	defer stop()
	// What is on its way when this process has to end gets its answer still.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), PostTimeout-10*time.Second)
	defer cancel()
	for began := c.Now(); ctx.Err() == nil && c.Now().Sub(began) < postTime; {
		list, err := c.Catalog.UsageToPost(whole, in.Day, in.Poster, in.Began, p.Batch())
		if err != nil || len(list) == 0 {
			return false, refused("looking what is to be posted", err)
		}
		answers, err := p.Post(whole, samplesOf(in.Day, list))
		if err := c.Catalog.RecordPosts(whole, in.Day, in.Poster, posted(list, answers, err), c.Now()); err != nil {
			return true, refused("recording what was posted", err)
		}
		if err != nil {
			return true, later(ErrTypePost, err.Error(), 0, err)
		}
	}
	if cause := context.Cause(ctx); errors.Is(cause, errShutdown) {
		return true, later(ErrTypeShutdown, "the worker was restarted; what is left is posted by the next", 5*time.Second, cause)
	} else if cause != nil {
		return true, cause
	}
	return true, nil
}

func (c *Control) poster(name string) billing.Poster {
	for _, p := range c.Billing.Posters {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

func samplesOf(day string, list []catalog.UsageToPost) []billing.Sample {
	samples := make([]billing.Sample, len(list))
	for i, u := range list {
		samples[i] = billing.Sample{
			Key: day + "/" + u.HostID, Day: day, Late: u.Late, Group: u.Group, Host: u.Name, HostID: u.HostID, Enabled: u.Enabled,
			Used: u.UsedBytes, Referenced: u.ReferencedBytes, LogicalUsed: u.LogicalUsedBytes, Snapshots: u.Snapshots, Files: u.Files,
			Namesake: u.Namesake,
		}
	}
	return samples
}

func posted(list []catalog.UsageToPost, answers []billing.Answer, err error) []catalog.UsagePosted {
	out := make([]catalog.UsagePosted, len(list))
	for i, a := range answers {
		out[i] = catalog.UsagePosted{HostID: list[i].HostID, State: a.State, Existed: a.Existed, Error: a.Error, Sent: a.Sent}
		if a.State == "" && err != nil {
			out[i].Error = err.Error()
		}
	}
	return out
}
