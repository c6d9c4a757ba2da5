// Package catalog keeps groups, hosts, policies, runs and what was measured of
// them in PostgreSQL.
//
// A change and its line in the audit log are one transaction. Who makes it
// comes from the context: see WithActor.
package catalog

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// connectTimeout bounds one attempt to reach PostgreSQL, unless the URL says
// otherwise with connect_timeout.
const connectTimeout = 10 * time.Second

// Store is a catalog. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
	// where is "host:port", for messages; never user or password.
	where string
	// timetables are those of hosts, as last read.
	timetables timetables
}

// Open connects to the catalog at url (a PostgreSQL URL or keyword string; a
// search_path in it chooses the schema). It refuses a database whose schema is
// not the one that this program was built for. Errors are sentences that name
// the remedy and never show the password.
func Open(ctx context.Context, url string) (*Store, error) {
	s, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := s.checkVersion(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends all connections.
func (s *Store) Close() { s.pool.Close() }

// Ping says whether PostgreSQL answers.
func (s *Store) Ping(ctx context.Context) error { return s.explain(s.pool.Ping(ctx)) }

// Clock gives the time that PostgreSQL's machine has now.
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	err = s.pool.QueryRow(ctx, `select clock_timestamp()`).Scan(&now)
	return now, s.explain(err)
}

func connect(ctx context.Context, url string) (*Store, error) {
	if url == "" {
		return nil, fmt.Errorf("there is no database configured: set PLANB_DATABASE_URL or database.url in planb.yaml")
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL cannot be read (PLANB_DATABASE_URL or database.url in planb.yaml): it should look like postgres://user:password@host:5432/planb")
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "planb"
	}
	// Times are instants; the zone they are shown in is the reader's choice.
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing connections to PostgreSQL: %w", err)
	}
	s := &Store{pool: pool, where: net.JoinHostPort(cfg.ConnConfig.Host, strconv.Itoa(int(cfg.ConnConfig.Port)))}
	if err := s.Ping(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// tx runs do in one transaction; its error undoes all of it.
func (s *Store) tx(ctx context.Context, do func(tx pgx.Tx) error) error {
	return s.explain(pgx.BeginFunc(ctx, s.pool, do))
}

// rows gives each row of a query as a T, by column name.
func rows[T any](ctx context.Context, q querier, sql string, args ...any) ([]T, error) {
	r, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(r, pgx.RowToStructByName[T])
}
