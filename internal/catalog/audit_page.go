package catalog

import (
	"context"
	"time"
)

// AuditQuery says which changes to list, the newest first. Empty fields narrow
// nothing.
type AuditQuery struct {
	// Visible hides what is not about a group that it sees, or a host of one.
	Visible Visible
	Actor   string
	// Subject is a group, or a host by its name at that time.
	Subject string
	// Group takes a group and all that is about its hosts.
	Group string
	// Action is whole, as in "host.edit", or the part before the dot.
	Action       string
	Since, Until time.Time
	// Before takes only entries older than the one of this ID; 0 begins with the
	// newest.
	Before int64
	// Limit is the most to give; 0 means 50.
	Limit int
}

// AuditList is one page of changes.
type AuditList struct {
	Entries []AuditEntry
	// Next is the Before of the next page; 0 on the last one.
	Next int64
}

// aboutGroups is true of actions whose subject is a group, a host of one or
// something of the host's: others' subjects, a user's name for one, may look
// the same.
const aboutGroups = `split_part(a.action, '.', 1) in ('group', 'host', 'policy', 'restore', 'run', 'snapshot', 'verify')`

// AuditPage gives a page of changes.
func (s *Store) AuditPage(ctx context.Context, q AuditQuery) (AuditList, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	var c conditions
	c.addIf(q.Actor != "", "a.actor = ?", q.Actor)
	c.addIf(q.Subject != "", "a.subject = ?", q.Subject)
	c.addIf(q.Action != "", "(a.action = ? or split_part(a.action, '.', 1) = ?)", q.Action)
	c.addIf(!q.Since.IsZero(), "a.at >= ?", q.Since)
	c.addIf(!q.Until.IsZero(), "a.at < ?", q.Until)
	c.addIf(q.Before > 0, "a.id < ?", q.Before)
	order := ` order by a.id desc limit ` + c.arg(limit+1)
	from := `audit a where ` + c.sql()
	if v := q.Visible.Within(q.Group); !v.all {
		from = `unnest(` + c.arg(v.names()) + `::text[]) as g (name) cross join lateral (select * from audit a
			where split_part(a.subject, '/', 1) = g.name and ` + aboutGroups + ` and ` + c.sql() + order + `) a`
	}
	found, err := rows[AuditEntry](ctx, s.pool, `select a.id, a.at, a.actor, a.action, a.subject, a.detail from `+from+order, c.args...)
	list := AuditList{Entries: found}
	if len(found) > limit {
		list.Entries = found[:limit]
		list.Next = found[limit-1].ID
	}
	return list, s.explain(err)
}
