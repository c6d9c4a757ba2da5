package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/tern/v2/migrate"

	"planb/schema"
)

// versionTable holds one row: the number of the last migration done. Like all
// tables it is found through the connection's search_path.
const versionTable = "planb_schema_version"

// Migrate brings the database at url to the schema of this program and gives
// the versions before and after. Two at once wait for each other.
func Migrate(ctx context.Context, url string) (from, to int, err error) {
	s, err := connect(ctx, url)
	if err != nil {
		return 0, 0, err
	}
	defer s.Close()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return 0, 0, s.explain(err)
	}
	defer conn.Release()
	m, err := migrator(ctx, conn.Conn())
	if err != nil {
		return 0, 0, s.explain(err)
	}
	before, err := m.GetCurrentVersion(ctx)
	if err != nil {
		return 0, 0, s.explain(err)
	}
	if int(before) > len(m.Migrations) {
		return int(before), int(before), newerSchema(int(before), len(m.Migrations))
	}
	if err := m.Migrate(ctx); err != nil {
		return int(before), int(before), s.explain(fmt.Errorf("migrating the database from version %d: %w", before, err))
	}
	if _, err := s.RefreshStandings(ctx); err != nil {
		return int(before), len(m.Migrations), err
	}
	return int(before), len(m.Migrations), nil
}

func migrator(ctx context.Context, conn *pgx.Conn) (*migrate.Migrator, error) {
	m, err := migrate.NewMigrator(ctx, conn, versionTable)
	if err != nil {
		return nil, fmt.Errorf("preparing the table of schema versions: %w", err)
	}
	if err := m.LoadMigrations(schema.Migrations()); err != nil {
		return nil, fmt.Errorf("reading the migrations of this program: %w", err)
	}
	return m, nil
}

// checkVersion refuses a database that this program's queries do not fit.
func (s *Store) checkVersion(ctx context.Context) error {
	names, err := migrate.FindMigrations(schema.Migrations())
	if err != nil {
		return fmt.Errorf("reading the migrations of this program: %w", err)
	}
	want := len(names)
	var have int
	err = s.pool.QueryRow(ctx, "select version from "+versionTable).Scan(&have)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == codeUndefinedTable:
		return fmt.Errorf("the database at %s has no PlanB tables yet: run `planb migrate`", s.where)
	case err != nil:
		return s.explain(err)
	case have < want:
		return fmt.Errorf("the database at %s has schema version %d but this planb needs %d: run `planb migrate`", s.where, have, want)
	case have > want:
		return newerSchema(have, want)
	}
	return nil
}

func newerSchema(have, want int) error {
	return fmt.Errorf("the database has schema version %d but this planb knows only %d: install the newer planb that made it", have, want)
}
