package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// VerifyOptions say what to hold the ledger against.
type VerifyOptions struct {
	// Public is the key that checkpoints must be signed with, "name+hash+data".
	// Empty: the one that the ledger itself names, which proves less.
	Public string
	// Against is an older signed checkpoint that was kept outside the ledger.
	Against []byte
	// Secrets are webhook secrets, with which the signatures of the bodies that are held
	// are checked again.
	Secrets []secret.Secret
	// Progress, where it is set, is told now and then how many entries are done.
	Progress func(done, total int64)
}

// Verification is what Verify found.
type Verification struct {
	// Size is the number of entries that were found, Root the root over them as
	// their columns give it; zero when entries are missing between.
	Size int64     `json:"size"`
	Root tlog.Hash `json:"root"`
	// PublicKey is the key that checkpoints were verified with.
	PublicKey string `json:"publicKey"`
	// Bodies is how many bodies were held against their entries, Bytes their
	// length (not compressed), Erased how many were erased by rule.
	Bodies int64 `json:"bodies"`
	Bytes  int64 `json:"bytes"`
	Erased int64 `json:"erased"`
	// Signatures is how many bodies were made with one of the secrets given.
	Signatures int64 `json:"signatures"`
	// Notes say what was not proved, and why.
	Notes []string `json:"notes,omitempty"`
	// Gaps say what this program could not judge.
	Gaps []string `json:"gaps,omitempty"`
	// Faults are the first ones found, by index; Count is how many there are.
	Faults []Fault `json:"faults,omitempty"`
	Count  int64   `json:"count"`
}

// OK says that no fault was found.
func (v Verification) OK() bool { return v.Count == 0 }

// Fault is one thing that is not as it was written.
type Fault struct {
	// Index is the entry's, or the first one's of a range; -1 where it is of the
	// ledger as a whole.
	Index int64 `json:"index"`
	// Kind is one of the Fault… constants.
	Kind string `json:"kind"`
	// Message says what is wrong. It holds no text from outside.
	Message string `json:"message"`
}

// The kinds of fault.
const (
	FaultMissing    = "missing"    // entries that the sequence or the head promises are not there
	FaultCut        = "cut"        // a checkpoint signed more entries than there are
	FaultLeaf       = "leaf"       // columns and leaf hash do not belong together
	FaultOrder      = "order"      // entries stand in each other's place
	FaultNode       = "node"       // entries and a hash over them do not belong together
	FaultBody       = "body"       // a body is not the entry's
	FaultLost       = "lost"       // a body is gone, and no erasure says so
	FaultStray      = "stray"      // a row that belongs to nothing
	FaultHead       = "head"       // the head does not fit what is below it
	FaultCheckpoint = "checkpoint" // a checkpoint's signature, root or count is wrong
	FaultSignature  = "signature"  // a body was not made with the secret that its delivery is named after
	FaultUnsigned   = "unsigned"   // entries that the key did not sign: another hand appended them
	FaultKey        = "key"        // the public key is another one
	FaultIndex      = "index"      // an index of the database leads astray
	FaultSchema     = "schema"     // tables, or what belongs to them, are not as this program makes them
	FaultUnreadable = "unreadable" // the database gives something that is not a row
)

// clockSkew is how far the clocks of two receivers may be apart.
const clockSkew = time.Minute

// maxFaults is how many faults are kept; the rest is counted.
const maxFaults = 4096

// Verify reads everything once, in order, as it was when Verify began, and holds
// it against itself, against the signed checkpoint, and against what the options
// give. What is wrong with the ledger is in the Verification; the error says
// that it could not be read.
func (l *Ledger) Verify(ctx context.Context, o VerifyOptions) (Verification, error) {
	if o.Public != "" {
		if _, err := note.NewVerifier(o.Public); err != nil {
			return Verification{}, fmt.Errorf("parse public key: %w", err)
		}
	}
	return l.verify(ctx, o)
}

// verify holds the ledger against more marks than the options name.
func (l *Ledger) verify(ctx context.Context, o VerifyOptions, marks ...*mark) (Verification, error) {
	tx, err := l.engine.reader().BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return Verification{}, fmt.Errorf("verify ledger: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	v := &verifier{ctx: ctx, tx: tx, options: o, whole: true, marks: marks}
	_, v.sqlite = l.engine.(*sqliteEngine)
	if err := v.run(); err != nil {
		return v.out, fmt.Errorf("verify ledger: %w", err)
	}
	return v.out, nil
}

// verifier is one run of Verify.
type verifier struct {
	ctx     context.Context
	tx      *sql.Tx
	options VerifyOptions
	out     Verification

	head                *headRow // nil: there is none
	marks               []*mark
	next                int64           // the index that is expected
	tree                ledger.Frontier // over the entries' columns
	whole               bool            // nothing was missing so far
	groups              []*group        // one under way for each stored level
	nodes               nodeCache
	doubts              []doubt
	gone                missing // entries without a body that no erasure has named yet
	buffer              []byte
	own                 int64     // entries so far that are no deliveries
	latest              time.Time // of the entries so far
	behind, firstBehind int64     // entries whose clock had gone back, and the first
	later               bool      // there is an erasure that a later version wrote
	signed              signatures
	sqlite              bool
	odd                 bool // the tables are not as they should be
}

func (v *verifier) run() error {
	for _, step := range []func() error{v.schema, v.readHead, v.readMarks, v.walk, v.closeTree, v.strays, v.indexes} {
		err := step()
		if damaged(err) || err != nil && v.odd && v.ctx.Err() == nil {
			v.whole = false
			v.fault(v.next, FaultUnreadable, "the database is damaged where it keeps this or what follows: %v", err)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	v.judgeSwaps()
	v.judgeSize()
	v.judgeMarks()
	v.judgeGone()
	v.judgeSignatures()
	if v.behind > 0 {
		v.out.Notes = append(v.out.Notes, fmt.Sprintf("the clock had gone back when %d entries came in, entry %d first: order is by index",
			v.behind, v.firstBehind))
	}
	v.out.Size = v.next
	if v.whole {
		v.out.Root = v.tree.Root()
	}
	slices.SortStableFunc(v.out.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Message, b.Message))
	})
	return nil
}

func (v *verifier) fault(index int64, kind, format string, args ...any) {
	v.out.Count++
	if len(v.out.Faults) < maxFaults {
		v.out.Faults = append(v.out.Faults, Fault{index, kind, fmt.Sprintf(format, args...)})
	}
}

// gap notes what cannot be judged.
func (v *verifier) gap(format string, args ...any) {
	if len(v.out.Gaps) < maxFaults {
		v.out.Gaps = append(v.out.Gaps, fmt.Sprintf(format, args...))
	}
}

// span names entries from (included) to to (excluded).
func span(from, to int64) string {
	if to-from == 1 {
		return fmt.Sprintf("entry %d", from)
	}
	return fmt.Sprintf("entries %d to %d", from, to-1)
}

// errDisorder says that rows came otherwise than they were asked for.
var errDisorder = errors.New("the database gives entries that were not asked for, or gives them twice")

// damaged says that a database could not read its own pages.
func damaged(err error) bool {
	if errors.Is(err, errDisorder) {
		return true
	}
	var file *sqlite.Error
	if errors.As(err, &file) {
		code := file.Code() & 0xff
		return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	var server interface{ SQLState() string }
	return errors.As(err, &server) && (server.SQLState() == "XX001" || server.SQLState() == "XX002")
}

// judgeSize holds the number of entries against the head's.
func (v *verifier) judgeSize() {
	switch {
	case v.head == nil:
	case v.head.size > v.next:
		v.fault(v.next, FaultMissing, "%s of the head's %d are missing at the end", span(v.next, v.head.size), v.head.size)
	case v.head.size < v.next:
		v.fault(v.head.size, FaultStray, "%s: the head knows of %d only", span(v.head.size, v.next), v.head.size)
	}
}

// judgeGone tells of the bodies that are missing without an erasure.
func (v *verifier) judgeGone() {
	for from, to := range v.gone.all() {
		v.out.Erased = max(v.out.Erased-(to-from), 0)
		if v.later {
			v.gap("%s: a body is gone, and no erasure that this program can read says so", span(from, to))
			continue
		}
		v.fault(from, FaultLost, "%s: a body is gone, and no erasure says so", span(from, to))
	}
}
