package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// States of a delivery.
const (
	DeliveryPending = "pending"
	DeliverySent    = "sent"
	// DeliveryGaveUp is one that was refused for good, or tried for too long.
	DeliveryGaveUp = "gave_up"
)

// Delivery is a notice on its way to one recipient of one channel.
type Delivery struct {
	NoticeID int64  `json:"notice_id"`
	Channel  string `json:"channel"`
	// Recipient is empty for channels that have none.
	Recipient Text `json:"recipient"`
	// State is one of the Delivery constants.
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	// LastError says why the last try did not work.
	LastError Text       `json:"last_error"`
	EndedAt   *time.Time `json:"ended_at"`
}

const selectDelivery = `select d.notice_id, d.channel, d.recipient, d.state, d.attempts, d.last_error, d.ended_at from deliveries d`

// NoticesOfRun gives the keys of what is to be told of a run and was not yet.
func (s *Store) NoticesOfRun(ctx context.Context, run string) ([]string, error) {
	return s.keys(ctx, `select key from notices where run_id = $1 and done_at is null order by id`, run)
}

// NoticesLeft gives the keys of notices that nobody has tended to since a time,
// and that are not done; those waiting for longest first.
func (s *Store) NoticesLeft(ctx context.Context, since time.Time, limit int) ([]string, error) {
	return s.keys(ctx, `select key from notices where done_at is null and (tended_at is null or tended_at < $1)
		order by tended_at nulls first, id limit $2`, since, limit)
}

func (s *Store) keys(ctx context.Context, sql string, args ...any) ([]string, error) {
	found, err := rows[struct{ Key string }](ctx, s.pool, sql, args...)
	keys := make([]string, len(found))
	for i, f := range found {
		keys[i] = f.Key
	}
	return keys, s.explain(err)
}

// TendNotice notes that somebody sees to the delivery of a notice now.
func (s *Store) TendNotice(ctx context.Context, key string, now time.Time) error {
	_, err := s.pool.Exec(ctx, `update notices set tended_at = $2 where key = $1`, key, now)
	return s.explain(err)
}

// PlanDeliveries notes to whom a notice goes, and gives all that is to be done
// for it. Done again with others, they are added.
func (s *Store) PlanDeliveries(ctx context.Context, id int64, to []Delivery, now time.Time) (all []Delivery, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update notices set tended_at = $2 where id = $1`, id, now); err != nil {
			return err
		}
		for _, d := range to {
			_, err := tx.Exec(ctx, `insert into deliveries (notice_id, channel, recipient) values ($1, $2, $3) on conflict do nothing`,
				id, d.Channel, d.Recipient)
			if err != nil {
				return err
			}
		}
		all, err = rows[Delivery](ctx, tx, selectDelivery+` where d.notice_id = $1 order by d.channel, d.recipient`, id)
		return err
	})
	return all, err
}

// Deliveries gives those of notices, by the ids of these.
func (s *Store) Deliveries(ctx context.Context, ids ...int64) (map[int64][]Delivery, error) {
	found, err := rows[Delivery](ctx, s.pool, selectDelivery+` where d.notice_id = any ($1) order by d.channel, d.recipient`, ids)
	of := map[int64][]Delivery{}
	for _, d := range found {
		of[d.NoticeID] = append(of[d.NoticeID], d)
	}
	return of, s.explain(err)
}

// RecordDelivery notes how a try to deliver ended. One that was sent stays so.
func (s *Store) RecordDelivery(ctx context.Context, d Delivery, now time.Time) error {
	var ended *time.Time
	if d.State != DeliveryPending {
		ended = &now
	}
	_, err := s.pool.Exec(ctx, `
		update deliveries set state = $4, attempts = attempts + 1, last_error = $5, ended_at = $6
		where notice_id = $1 and channel = $2 and recipient = $3 and state <> 'sent'`,
		d.NoticeID, d.Channel, d.Recipient, d.State, d.LastError, ended)
	return s.explain(err)
}

// FinishNotice ends what is left of a notice's deliveries, which were tried for
// long enough, and says which were given up, now or before.
func (s *Store) FinishNotice(ctx context.Context, id int64, now time.Time) (gaveUp []Delivery, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update deliveries set state = 'gave_up', ended_at = $2,
			last_error = case last_error when '' then 'nobody tried' else last_error end where notice_id = $1 and state = 'pending'`, id, now)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `update notices set done_at = $2 where id = $1 and done_at is null`, id, now)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		gaveUp, err = rows[Delivery](ctx, tx, selectDelivery+` where d.notice_id = $1 and d.state = 'gave_up' order by d.channel, d.recipient`, id)
		if err != nil {
			return err
		}
		for _, d := range gaveUp {
			if err := auditGivenUp(ctx, tx, d); err != nil {
				return err
			}
		}
		return nil
	})
	return gaveUp, err
}

// auditGivenUp has the audit log say what nobody was told, and why.
func auditGivenUp(ctx context.Context, tx pgx.Tx, d Delivery) error {
	found, err := rows[Notice](ctx, tx, selectNotice+` where n.id = $1`, d.NoticeID)
	if err != nil || len(found) == 0 {
		return err
	}
	n := found[0]
	return audit(ctx, tx, "notice.gave_up", n.Subject, map[string]string{
		"notice": n.Title, "channel": d.Channel, "recipient": string(d.Recipient), "reason": string(d.LastError),
	})
}

// NoticeQuery says which notices to list, the newest first. Empty fields narrow
// nothing.
type NoticeQuery struct {
	Visible Visible
	// Host is what the host is called now, or was.
	Host  string
	Group string
	Kind  string
	// Open takes what still lasts, Undelivered what somebody was not told (yet).
	Open, Undelivered bool
	// All takes also what is told of each good snapshot.
	All bool
	// Before takes what is older than the notice with this id.
	Before int64
	// Limit is the most to give; 0 means 50.
	Limit int
}

// NoticeLine is a notice with its deliveries.
type NoticeLine struct {
	Notice
	Deliveries []Delivery `json:"deliveries"`
}

// NoticeList is one page of notices.
type NoticeList struct {
	Notices []NoticeLine
	// Next is what Before is on the next page; 0 on the last one.
	Next int64
}

// Notices gives a page of notices.
func (s *Store) Notices(ctx context.Context, q NoticeQuery) (NoticeList, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	var c conditions
	c.see(q.Visible, `coalesce(g.name, n.group_name)`)
	c.addIf(q.Group != "", `coalesce(g.name, n.group_name) = ?`, q.Group)
	c.addIf(q.Host != "", `coalesce(g.name || '/' || h.name, n.group_name || '/' || n.host_name) = ?`, q.Host)
	c.addIf(q.Kind != "", `n.kind = ?`, q.Kind)
	c.addIf(!q.All && q.Kind == "", `n.kind <> ?`, NoticeGood)
	c.addIf(q.Before > 0, `n.id < ?`, q.Before)
	if q.Open {
		c.parts = append(c.parts, `c.cleared_at is null and c.id is not null`)
	}
	if q.Undelivered {
		c.parts = append(c.parts, `(n.done_at is null or exists (select from deliveries d where d.notice_id = n.id and d.state <> 'sent'))`)
	}
	found, err := rows[Notice](ctx, s.pool, selectNotice+` where `+c.sql()+` order by n.id desc limit `+c.arg(limit+1), c.args...)
	if err != nil {
		return NoticeList{}, s.explain(err)
	}
	var list NoticeList
	if len(found) > limit {
		found = found[:limit]
		list.Next = found[limit-1].ID
	}
	ids := make([]int64, len(found))
	for i, n := range found {
		ids[i] = n.ID
	}
	of, err := s.Deliveries(ctx, ids...)
	for _, n := range found {
		list.Notices = append(list.Notices, NoticeLine{n, append([]Delivery{}, of[n.ID]...)})
	}
	return list, err
}
