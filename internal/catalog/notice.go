package catalog

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// whose is what a condition or notice is about.
type whose struct {
	About, Subject string
	// Of a host, for About is AboutHost.
	HostID, GroupID, Group, Name string
}

// newNotice is what is to be told, once for its key.
type newNotice struct {
	Finding
	Key string
	// Condition is what it tells of; empty for what happens once.
	Condition string
	Nth       int
}

func nthKey(kind, id string, n int) string { return kind + "/" + id + "/" + strconv.Itoa(n) }

// tell writes a notice into the outbox, unless its key is there, and says
// whether it did.
func tell(ctx context.Context, tx pgx.Tx, w whose, n newNotice, now time.Time) (told bool, err error) {
	var since *time.Time
	if !n.Since.IsZero() {
		since = &n.Since
	}
	tag, err := tx.Exec(ctx, `
		insert into notices (key, condition_id, host_id, group_id, group_name, host_name, subject, kind, severity, title,
			cause, remedy, run_id, nth, since, at)
		values ($1, nullif($2, '')::uuid, nullif($3, '')::uuid, nullif($4, '')::uuid, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		on conflict (key) do nothing`,
		n.Key, n.Condition, w.HostID, w.GroupID, w.Group, w.Name, w.Subject, n.Kind, n.Severity, n.Title, n.Cause, n.Remedy,
		n.Run, max(1, n.Nth), since, now)
	return tag.RowsAffected() == 1, err
}

// Notice is one thing that is told once.
type Notice struct {
	ID int64 `json:"id"`
	// Key is the same however often its delivery is tried.
	Key string `json:"key"`
	// Host is what the host is called now, or was when it was removed; empty for
	// what is about no host, which Subject names.
	Host     Text   `json:"host"`
	HostID   Text   `json:"host_id"`
	Group    Text   `json:"group"`
	Subject  string `json:"subject"`
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Cause    Text   `json:"cause"`
	Remedy   Text   `json:"remedy"`
	Run      Text   `json:"run"`
	// Nth counts how often the same was told.
	Nth   int        `json:"nth"`
	Since *time.Time `json:"since"`
	At    time.Time  `json:"at"`
	// DoneAt is when nothing of its delivery was left to do; nil before.
	DoneAt *time.Time `json:"done_at"`
	// Open says that what it tells of still lasts.
	Open bool `json:"open"`
}

const noticeColumns = ` n.id, n.key,
	case when n.host_name <> '' then coalesce(g.name || '/' || h.name, n.group_name || '/' || n.host_name) else '' end as host,
	coalesce(n.host_id::text, '') as host_id, coalesce(g.name, n.group_name) as "group",
	coalesce(g.name || '/' || h.name, n.subject) as subject, n.kind, n.severity, n.title, n.cause, n.remedy, n.run_id as run,
	n.nth, n.since, n.at, n.done_at, coalesce(c.cleared_at is null and c.id is not null, false) as open`

const noticeTables = ` from notices n left join hosts h on h.id = n.host_id left join groups g on g.id = h.group_id
	left join conditions c on c.id = n.condition_id`

const selectNotice = `select` + noticeColumns + noticeTables

// Notice gives the notice with a key.
func (s *Store) Notice(ctx context.Context, key string) (Notice, error) {
	found, err := rows[Notice](ctx, s.pool, selectNotice+` where n.key = $1`, key)
	if err == nil && len(found) == 0 {
		err = &NotFoundError{Kind: "notice", Name: key, Hint: "see `planb notices`"}
	}
	if err != nil {
		return Notice{}, s.explain(err)
	}
	return found[0], nil
}
