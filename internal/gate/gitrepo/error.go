package gitrepo

import (
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Kind sorts the errors of this package.
type Kind string

// The kinds of errors. An Error of another origin (the disk, a cancelled
// context) has none.
const (
	NotRepository Kind = "not-repository"
	NoRevision    Kind = "no-revision" // nothing has that name, or more than one thing
	NotCommit     Kind = "not-commit"
	NoAncestor    Kind = "no-ancestor"
	Shallow       Kind = "shallow"
	Missing       Kind = "missing-object"
	Corrupt       Kind = "corrupt-object"
	Misnamed      Kind = "misnamed"
	Unsupported   Kind = "unsupported"
)

// Error is any error of this package. Its text is one line that names what was
// asked for; names from outside are quoted in it.
type Error struct {
	Op   string // what was tried, with its object: `resolve "main"`
	Kind Kind
	Err  error
	hint string
}

// Error leaves out the hint, which stands on a line of its own.
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about it; empty where there is nothing to say.
func (e *Error) Hint() string { return e.hint }

const (
	fullHistory = "fetch the whole history: fetch-depth: 0 with actions/checkout, or git fetch --unshallow"
	fullObjects = "fetch every object: no filter with actions/checkout, or clone again without --filter; git fsck tells what is missing"
)

func fail(kind Kind, op, hint, format string, args ...any) *Error {
	return &Error{Op: op, Kind: kind, Err: fmt.Errorf(format, args...), hint: hint}
}

func missing(id plumbing.Hash) *Error {
	return fail(Missing, "read object "+id.String(), fullObjects, "not in this repository")
}

func corrupt(id plumbing.Hash, format string, args ...any) *Error {
	return fail(Corrupt, "read object "+id.String(), "git fsck tells more; a fresh clone helps", format, args...)
}
