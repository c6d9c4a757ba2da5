package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/worker"
	"planb/worker/operate"
)

// pollEvery is within what time a worker that runs asks each of its queues: a
// poll lasts a minute at most.
const pollEvery = 90 * time.Second

// queues looks whether every part that has to run does.
func (d *Doctor) queues(ctx context.Context) {
	if d.temporal == nil {
		return // told already
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d.polled(ctx, "control", worker.ControlQueues(), "start planb control")
	servers := map[string]bool{}
	if len(d.Config.Storages) > 0 {
		servers[d.Config.Server] = true
	}
	if d.store != nil {
		all, err := d.store.Storages(ctx)
		if err != nil {
			d.say("workers", Wrong, "%s", err)
			return
		}
		for _, st := range all {
			servers[st.Server] = true
		}
	}
	if len(servers) == 0 {
		d.say("workers", Wrong, "no storage server is known: list storages in its planb.yaml and start planb worker there")
	}
	names := make([]string, 0, len(servers))
	for server := range servers {
		names = append(names, server)
	}
	slices.Sort(names)
	for _, server := range names {
		d.polled(ctx, "worker "+server, worker.StorageQueues(server), "start planb worker on "+server+", or forget its storages with planb storage rm if it is gone")
	}
}

func (d *Doctor) polled(ctx context.Context, check string, queues []worker.Queue, remedy string) {
	var idle, names []string
	for _, q := range queues {
		last, err := worker.LastPoll(ctx, d.temporal, worker.Namespace(d.Config), q)
		if err != nil {
			d.say(check, Wrong, "Temporal does not tell who polls the queue %s: %s", q.Name, err)
			return
		}
		if !slices.Contains(names, q.Name) {
			names = append(names, q.Name)
		}
		if d.Now().Sub(last) > pollEvery && !slices.Contains(idle, q.Name) {
			idle = append(idle, q.Name)
		}
	}
	if len(idle) > 0 {
		d.say(check, Wrong, "nothing polls %s: %s", plural("the queue", "the queues", idle), remedy)
		return
	}
	d.say(check, OK, "polls %s", plural("the queue", "the queues", names))
}

func plural(one, many string, names []string) string {
	if len(names) == 1 {
		return one + " " + names[0]
	}
	return many + " " + strings.Join(names, ", ")
}

func (d *Doctor) schedules(ctx context.Context) {
	const check = "schedules"
	if d.store == nil && d.Config.Database.URL == "" {
		d.say(check, NotHere, "they are compared where the catalog is")
		return
	}
	if d.store == nil || d.temporal == nil {
		return // told already
	}
	changes, err := operate.Operator{Catalog: d.store, Temporal: d.temporal}.Differences(ctx)
	if err != nil {
		d.say(check, Wrong, "%s", err)
		return
	}
	if len(changes) > 0 {
		hosts := make([]string, len(changes))
		for i, c := range changes {
			hosts[i] = c.Host
		}
		d.say(check, Wrong, "%d differ from the catalog (%s): planb schedule sync makes them agree", len(changes), strings.Join(firstOf(hosts), ", "))
		return
	}
	hosts, err := d.store.Hosts(ctx, catalog.HostFilter{})
	if err != nil {
		d.say(check, Wrong, "%s", err)
		return
	}
	d.say(check, OK, "agree with the catalog, %d hosts", len(hosts))
}

// firstOf gives some, so that a line stays one.
func firstOf(names []string) []string {
	if len(names) > 5 {
		return append(slices.Clone(names[:5]), "…")
	}
	return names
}

// maxSkew is by how much clocks may differ: certificates, tokens and schedules
// bear that.
const maxSkew = 5 * time.Second

// clocks compares this machine's clock with those of PostgreSQL and Temporal.
func (d *Doctor) clocks(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if d.store != nil {
		before := d.Now()
		there, err := d.store.Clock(ctx)
		after := d.Now()
		skew := there.Sub(before.Add(after.Sub(before) / 2))
		switch {
		case err != nil:
			d.say("clock of postgresql", Wrong, "%s", err)
		case skew.Abs() > maxSkew:
			d.say("clock of postgresql", Wrong, "is %s off this machine's: let a time service such as chrony set both", skew.Round(time.Second))
		default:
			d.say("clock of postgresql", OK, "is that of this machine, to %s", maxSkew)
		}
	}
	if d.temporal == nil {
		return
	}
	// Temporal tells no time, but when it was last polled by its own clock.
	last, err := worker.LastPoll(ctx, d.temporal, worker.Namespace(d.Config), worker.ControlQueues()...)
	ahead, age := last.Sub(d.Now()), d.Now().Sub(last)
	switch {
	case err != nil:
		d.say("clock of temporal", Wrong, "%s", err)
	case last.IsZero():
		d.say("clock of temporal", NotHere, "cannot be told while planb control does not run")
	case ahead > maxSkew:
		d.say("clock of temporal", Wrong, "is %s or more ahead of this machine's: let a time service such as chrony set both", ahead.Round(time.Second))
	case age > pollEvery:
		d.say("clock of temporal", Wrong, "is behind this machine's, or planb control does not run: it was last polled %s ago", age.Round(time.Second))
	default:
		d.say("clock of temporal", OK, "agrees with this machine's, as far as polls tell")
	}
}
