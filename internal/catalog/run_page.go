package catalog

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
)

// RunQuery says which runs to list, the newest first. Empty fields narrow
// nothing.
type RunQuery struct {
	Visible Visible
	// Host is the name that the host has now, or had when it was removed.
	Host  ident.Host
	Group string
	// Kind and State must be equal.
	Kind, State string
	// UnderWay takes only runs that have not ended.
	UnderWay bool
	// Runs that started at Since or later, and before Until.
	Since, Until time.Time
	// After begins behind this place, where the page before it ended.
	After *RunPlace
	// Limit is the most to give; 0 means 50.
	Limit int
}

// RunPlace is a place in the order of runs.
type RunPlace struct {
	Started time.Time
	ID      string
}

// String gives the text that ParseRunPlace reads.
func (p RunPlace) String() string {
	return strconv.FormatInt(p.Started.UnixMicro(), 10) + "." + p.ID
}

// ParseRunPlace reads a place in the order of runs.
func ParseRunPlace(text string) (RunPlace, error) {
	micros, id, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	// PostgreSQL's times end in the year 294276; ours are well before.
	const last = 1 << 53
	if err != nil || n < 0 || n > last || !isRunID(id) {
		return RunPlace{}, invalidf("%q is not a place in a list of runs: begin at its first page", text)
	}
	return RunPlace{Started: time.UnixMicro(n).UTC(), ID: id}, nil
}

// isRunID says whether text can be a run's id.
func isRunID(text string) bool {
	return text != "" && len(text) <= 64 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// RunList is one page of runs.
type RunList struct {
	// Runs come without their Detail.
	Runs []Run
	// Next is where the next page begins; nil on the last one.
	Next *RunPlace
}

// RunPage gives a page of runs.
func (s *Store) RunPage(ctx context.Context, q RunQuery) (RunList, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	var found []Run
	err := s.snapshot(ctx, func(tx pgx.Tx) (err error) {
		found, err = q.read(ctx, tx, limit+1, false)
		return err
	})
	list := RunList{Runs: found}
	if len(found) > limit {
		list.Runs = found[:limit]
		last := list.Runs[limit-1]
		list.Next = &RunPlace{Started: last.Started.UTC(), ID: last.ID}
	}
	return list, err
}

// read gives at most limit runs, all of them when it is 0. An index orders the
// runs of each host and of each group, so those of several are read from each
// and merged: the work depends on the page, not on the years before it.
func (q RunQuery) read(ctx context.Context, tx pgx.Tx, limit int, detail bool) ([]Run, error) {
	c := q.conditions()
	order := ` order by r.started desc, r.id desc`
	if limit > 0 {
		order += ` limit ` + c.arg(limit)
	}
	var from []string
	of := func(condition string) {
		from = append(from, `(select r.* from runs r where `+condition+` and `+c.sql()+order+`)`)
	}
	v := q.Visible.Within(q.Group)
	switch {
	case !q.Host.IsZero():
		if !v.Group(q.Host.Group) {
			return nil, nil
		}
		group, name := c.arg(q.Host.Group), c.arg(q.Host.Name)
		of(`r.host_id = (select h.id from hosts h join groups g on g.id = h.group_id where g.name = ` + group + ` and h.name = ` + name + `)`)
		of(`r.host_id is null and r.group_name = ` + group + ` and r.host_name = ` + name)
	case v.all:
		of(`true`)
	default:
		names := c.arg(v.names())
		from = append(from, `(select r.* from groups g cross join lateral
			(select r.* from runs r where r.group_id = g.id and `+c.sql()+order+`) r where g.name = any (`+names+`::text[]))`)
		if q.Group != "" {
			// Of a group that is gone only the name is left.
			of(`r.host_id is null and r.group_id is null and r.group_name = any (` + names + `::text[])`)
		}
	}
	columns := runColumns
	if !detail {
		columns = strings.Replace(columns, "r.detail", "'{}'::jsonb as detail", 1)
	}
	return rows[Run](ctx, tx, `select`+columns+` from (`+strings.Join(from, " union all ")+`) r`+runNames+order, c.args...)
}

func (q RunQuery) conditions() conditions {
	var c conditions
	c.addIf(q.Kind != "", "r.kind = ?", q.Kind)
	c.addIf(q.State != "", "r.state = ?", q.State)
	if q.UnderWay {
		c.parts = append(c.parts, "r.finished is null")
	}
	c.addIf(!q.Since.IsZero(), "r.started >= ?", q.Since)
	c.addIf(!q.Until.IsZero(), "r.started < ?", q.Until)
	if q.After != nil {
		c.parts = append(c.parts, "(r.started, r.id) < ("+c.arg(q.After.Started)+", "+c.arg(q.After.ID)+")")
	}
	return c
}
