package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// lostError says that the connection ended, or gave no answer that counts: what
// was under way may be done or not, and may be done again.
type lostError struct{ cause error }

// Error is one line, which pgx's errors of several hosts are not.
func (e lostError) Error() string {
	return "no answer of PostgreSQL: " + strings.Join(strings.Fields(e.cause.Error()), " ")
}

// Unwrap gives the cause, which is pgx's where the connection ended.
func (e lostError) Unwrap() error { return e.cause }

// refusal is an error that a person must end, who is told how.
type refusal struct{ cause, hint string }

// Error has the hint behind the cause: it is told where no hint has a line of its own.
func (e refusal) Error() string { return e.cause + ": " + e.hint }

// transient says whether the same items may be tried again. Whatever became of
// the connection may have come before or after the commit; the unique key makes
// either right.
func (*postgres) transient(err error) bool {
	var (
		refused refusal
		lost    lostError
		answer  *pgconn.PgError
	)
	switch {
	case errors.As(err, &refused):
		return false
	case errors.As(err, &lost), errors.Is(err, errStandby), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return true
	case errors.As(err, &answer):
		return passing(answer.Code)
	}
	return false
}

// passing tells the states that end by themselves, by
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func passing(state string) bool {
	if len(state) != 5 {
		return false
	}
	switch state[:2] {
	case "08", // connection
		"40", // deadlock, serialization
		"53", // disk full, out of memory, too many connections
		"57": // shut down, cancelled, not up yet
		return true
	}
	switch state {
	case "25006", // read only: the server has become a standby
		"25P03", "25P04", // took too long
		"55P03", // another replica hangs
		"0A000", // a prepared statement is out of date
		"26000": // a prepared statement is gone
		return true
	}
	return false
}

// hopeless says that waiting helps nobody at the start: a wrong password, a
// database that does not exist or holds no ledger or another one, a right that is
// missing, a wrong setting.
func hopeless(err error) bool {
	var refused refusal
	return errors.As(err, &refused) || errors.Is(err, ErrNoLedger) || errors.Is(err, ErrOtherKey) ||
		errors.Is(err, ErrRewritten) || hintOf(err) != ""
}

// hinted adds what to do about an error of the start.
func hinted(err error) error {
	if hint := hintOf(err); err != nil && hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	var lost lostError
	if errors.As(err, &lost) {
		return fmt.Errorf("%w: check that it runs, that host and port are right, and that nothing between lets connections fall", err)
	}
	return err
}

func hintOf(err error) string {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return ""
	}
	switch {
	case answer.Code == "3D000":
		return "make the database first: CREATE DATABASE … ENCODING 'UTF8'"
	case answer.Code == "42501", answer.Code == "3F000":
		return hintGrant
	case answer.Code == "42P05", answer.Code == "26000":
		return hintPool
	case strings.HasPrefix(answer.Code, "28"):
		return "check user, password and pg_hba.conf"
	}
	return ""
}
