package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// NotFoundError is a name that the catalog does not know.
type NotFoundError struct {
	// Kind is "host", "group", "run", "storage" or "snapshot".
	Kind, Name string
	// Hint says what to do; a clause, or empty.
	Hint string
}

// Error names what is missing and what to do.
func (e *NotFoundError) Error() string {
	return hinted(fmt.Sprintf("there is no %s %s", e.Kind, e.Name), e.Hint)
}

// ExistsError is a name that is taken.
type ExistsError struct{ Kind, Name, Hint string }

// Error names what is there already.
func (e *ExistsError) Error() string {
	return hinted(fmt.Sprintf("there is already a %s %s", e.Kind, e.Name), e.Hint)
}

// RefusedError is a change that what is there now does not allow: a run under
// way, a group that has hosts, a dataset of another host.
type RefusedError struct{ Reason string }

// Error is a sentence with the remedy.
func (e *RefusedError) Error() string { return e.Reason }

// InvalidError is a value that the catalog's constraints refuse.
type InvalidError struct{ Reason string }

// Error is a sentence.
func (e *InvalidError) Error() string { return e.Reason }

// ForbiddenError is a change that this person has no right to.
type ForbiddenError struct{ Reason string }

// Error is a sentence with the remedy.
func (e *ForbiddenError) Error() string { return e.Reason }

// BusyError is a change that has to wait for what is under way now.
type BusyError struct{ Reason string }

// Error says what is under way.
func (e *BusyError) Error() string { return e.Reason }

// UnavailableError is a database that does not answer or lets nobody in.
type UnavailableError struct {
	Reason string
	Err    error
}

// Error is a sentence with the remedy.
func (e *UnavailableError) Error() string { return e.Reason }

// Unwrap gives the driver's error.
func (e *UnavailableError) Unwrap() error { return e.Err }

// IsNotFound says whether err is a name that the catalog does not know.
func IsNotFound(err error) bool { return is[*NotFoundError](err) }

// IsExists says whether err is a name that is taken.
func IsExists(err error) bool { return is[*ExistsError](err) }

// IsRefused says whether err is a change that is not allowed now.
func IsRefused(err error) bool { return is[*RefusedError](err) }

// IsForbidden says whether err is a change that this person has no right to.
func IsForbidden(err error) bool { return is[*ForbiddenError](err) }

// IsBusy says whether err is a change that will be possible later.
func IsBusy(err error) bool { return is[*BusyError](err) }

// IsInvalid says whether err is a value that is not allowed ever.
func IsInvalid(err error) bool { return is[*InvalidError](err) }

// IsUnavailable says whether err may pass without anybody changing the call:
// the database is not there or cannot serve now.
func IsUnavailable(err error) bool { return is[*UnavailableError](err) }

func is[T error](err error) bool {
	var e T
	return errors.As(err, &e)
}

func refusedf(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...)}
}

func invalidf(format string, args ...any) error {
	return &InvalidError{fmt.Sprintf(format, args...)}
}

func hinted(what, hint string) string {
	if hint == "" {
		return what
	}
	return what + ": " + hint
}

// SQLSTATE codes that are told apart (PostgreSQL manual, appendix A).
const (
	codeUniqueViolation  = "23505"
	codeForeignKey       = "23503"
	codeCheckViolation   = "23514"
	codeUndefinedTable   = "42P01"
	codeNoSuchDatabase   = "3D000"
	codeBadPassword      = "28P01"
	codeBadAuthorization = "28000"
	codeBadText          = "22P02"
	codeNotText          = "22021"
	codeTooManyClients   = "53300"
)

// explain turns what the driver says into an error of this package where
// people or callers can act on it.
func (s *Store) explain(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return s.explainPg(pg, err)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if !errors.Is(err, context.Canceled) && (cut || errors.As(err, &connect) || errors.As(err, &network)) {
		return &UnavailableError{"PostgreSQL does not answer at " + s.where + ": start it or set PLANB_DATABASE_URL", err}
	}
	return err
}

func (s *Store) explainPg(pg *pgconn.PgError, err error) error {
	switch pg.Code {
	case codeBadPassword, codeBadAuthorization:
		return &UnavailableError{"PostgreSQL at " + s.where + " refuses the sign-in (" + pg.Message + "): check user and password in PLANB_DATABASE_URL", err}
	case codeNoSuchDatabase:
		return &UnavailableError{"PostgreSQL at " + s.where + " says that " + pg.Message + ": create it with createdb, then run `planb migrate`", err}
	case codeCheckViolation:
		return invalidf("the catalog refuses this: %s (rule %s)", pg.Message, pg.ConstraintName)
	}
	if pg.Code == codeNotText {
		return invalidf("what was given holds bytes that are no text: write it anew")
	}
	if pg.Code == codeTooManyClients || pg.Code[:2] == "57" || pg.Code[:2] == "08" {
		return &UnavailableError{"PostgreSQL at " + s.where + " cannot serve now: " + pg.Message, err}
	}
	return err
}

// violates says whether err is a violation of the constraint called name.
func violates(err error, code, name string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code && pg.ConstraintName == name
}

// noRow says whether a query found nothing; a malformed uuid names nothing too.
func noRow(err error) bool {
	var pg *pgconn.PgError
	return errors.Is(err, pgx.ErrNoRows) || errors.As(err, &pg) && pg.Code == codeBadText
}
