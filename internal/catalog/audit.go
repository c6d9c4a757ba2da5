package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
)

type actorKey struct{}

// WithActor names who makes the changes done with the returned context, e.g.
// "root (cli)" or "alice (web)".
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

func actorOf(ctx context.Context) string {
	if actor, ok := ctx.Value(actorKey{}).(string); ok && actor != "" {
		return actor
	}
	return "planb"
}

// AuditEntry is one change that was made.
type AuditEntry struct {
	ID      int64           `json:"id"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Subject string          `json:"subject"`
	Detail  json.RawMessage `json:"detail"`
}

// audit writes what is changed within tx. Detail must not hold secrets.
func audit(ctx context.Context, tx pgx.Tx, action, subject string, detail any) error {
	if detail == nil {
		detail = struct{}{}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("audit of %s: %w", action, err)
	}
	_, err = tx.Exec(ctx, `insert into audit (actor, action, subject, detail) values ($1, $2, $3, $4)`,
		actorOf(ctx), action, subject, text)
	if err != nil {
		return fmt.Errorf("audit of %s: %w", action, err)
	}
	return nil
}

// NoteChange writes down a change that the run of a workflow made outside of the
// catalog; done again by the same run it is on record once. Detail must not
// hold secrets.
func (s *Store) NoteChange(ctx context.Context, run, action, subject string, detail map[string]any) error {
	noted := map[string]any{"run": run}
	maps.Copy(noted, detail)
	return s.tx(ctx, func(tx pgx.Tx) error {
		var there bool
		err := tx.QueryRow(ctx, `select exists (select from audit where action = $1 and subject = $2 and detail->>'run' = $3)`,
			action, subject, run).Scan(&there)
		if err != nil || there {
			return err
		}
		return audit(ctx, tx, action, subject, noted)
	})
}

// NoteAccess writes down that somebody took files out of a backup without a run
// of a workflow. Detail must not hold secrets.
func (s *Store) NoteAccess(ctx context.Context, action, subject string, detail map[string]any) error {
	return s.tx(ctx, func(tx pgx.Tx) error { return audit(ctx, tx, action, subject, detail) })
}

// NoteIntent has on record, before it is done, that somebody is about to do
// something outside of the catalog: nothing is done without a record. The
// function that it gives adds to that record what came of it. Details must not
// hold secrets.
func (s *Store) NoteIntent(ctx context.Context, action, subject string, detail map[string]any) (came func(ctx context.Context, of map[string]any) error, err error) {
	if detail == nil {
		detail = map[string]any{}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return nil, fmt.Errorf("audit of %s: %w", action, err)
	}
	var id int64
	err = s.pool.QueryRow(ctx, `insert into audit (actor, action, subject, detail) values ($1, $2, $3, $4) returning id`,
		actorOf(ctx), action, subject, text).Scan(&id)
	if err != nil {
		return nil, s.explain(err)
	}
	return func(ctx context.Context, of map[string]any) error {
		text, err := json.Marshal(of)
		if err != nil {
			return fmt.Errorf("audit of %s: %w", action, err)
		}
		_, err = s.pool.Exec(ctx, `update audit set detail = detail || $2 where id = $1`, id, text)
		return s.explain(err)
	}, nil
}

// Audit gives the newest changes of subject, or of all when it is empty, the
// newest first.
func (s *Store) Audit(ctx context.Context, subject string, limit int) ([]AuditEntry, error) {
	found, err := rows[AuditEntry](ctx, s.pool, `
		select id, at, actor, action, subject, detail from audit
		where $1 = '' or subject = $1 order by id desc limit $2`, subject, limit)
	return found, s.explain(err)
}
