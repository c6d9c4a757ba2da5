package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Index is the index of one dataset, in an SQLite file. It may be used by many
// goroutines; one at a time should change it.
type Index struct {
	db   *sql.DB
	path string
}

// ErrDamaged is an index that has to be deleted and built anew.
var ErrDamaged = errors.New("the index is damaged")

// Open opens the index at path, an absolute path, and makes an empty one where
// there is none. One that another version of PlanB wrote is emptied. Errors:
// ErrDamaged, for a file that is no index or not a whole one.
func Open(ctx context.Context, path string) (*Index, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of an index: %w", err)
	}
	// Names of files are confidential: SQLite gives its other files the mode of
	// this one.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening an index: %w", err)
	}
	f.Close()
	// Commits are synced: what an index has been told of checksums, nothing else
	// remembers.
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_pragma": {"busy_timeout(60000)", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-16000)", "temp_store(MEMORY)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("opening the index %s: %w", path, err)
	}
	x := &Index{db: db, path: path}
	if err := x.prepare(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening the index %s: %w", path, damage(err))
	}
	return x, nil
}

// Close closes it.
func (x *Index) Close() error { return x.db.Close() }

// prepare makes the tables, unless they are there already.
func (x *Index) prepare(ctx context.Context) error {
	var version, tables int
	err := x.db.QueryRowContext(ctx, `SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version`).Scan(&version, &tables)
	if err != nil {
		return err
	}
	switch {
	case version == schemaVersion:
		return nil
	case tables > 0:
		return fmt.Errorf("%w: it is of version %d", ErrDamaged, version)
	}
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if _, err := tx.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// Check reads all of the index. Errors: ErrDamaged.
func (x *Index) Check(ctx context.Context) error {
	var found string
	if err := x.db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return damage(err)
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, found)
	}
	return nil
}

// damage makes what SQLite says of a broken file recognisable.
func damage(err error) error {
	var s *sqlite.Error
	if errors.As(err, &s) {
		switch s.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH,
			// Rows that contradict each other.
			sqlite3.SQLITE_CONSTRAINT:
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return err
}

// Remove deletes the files of the index at path; one that is not there is fine.
// Nobody may have it open.
func Remove(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
