package store

import (
	"cmp"
	"database/sql"
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// headRow is the one row of the head, as far as it can be read.
type headRow struct {
	size       int64
	frontier   *ledger.Frontier // nil: not readable
	public     string
	checkpoint []byte
}

// mark is a checkpoint to hold the tree against when it has grown that far.
type mark struct {
	ledger.Checkpoint
	name string
	root *tlog.Hash // what the entries give; nil: it could not be worked out
	own  int64      // how many of them are no deliveries
}

func (v *verifier) readHead() error {
	var (
		h        headRow
		frontier []byte
	)
	var heads, one int64
	err := v.tx.QueryRowContext(v.ctx, `SELECT (SELECT count(*) FROM head), CAST(one AS INTEGER), size, frontier, public_key, checkpoint
		FROM head ORDER BY one LIMIT 1`).Scan(&heads, &one, &h.size, &frontier, &h.public, &h.checkpoint)
	if errors.Is(err, sql.ErrNoRows) {
		v.fault(-1, FaultHead, "the head is missing: nothing says how many entries there should be")
		return nil
	}
	if err != nil {
		return err
	}
	if heads != 1 || one != 1 {
		v.fault(-1, FaultHead, "there are %d heads, of which the first has the number %d; one, number 1, should be", heads, one)
	}
	v.head = &h
	if h.frontier, err = ledger.ParseFrontier(frontier); err != nil {
		v.fault(-1, FaultHead, "the head's right edge of the tree cannot be read: %v", err)
		return nil
	}
	if h.frontier.Size() != h.size {
		v.fault(-1, FaultHead, "the head says %d entries, its right edge of the tree %d", h.size, h.frontier.Size())
	}
	return nil
}

// readMarks settles the key and reads the checkpoints.
func (v *verifier) readMarks() error {
	key := v.options.Public
	if v.head != nil {
		if key == "" {
			key = v.head.public
			v.out.Notes = append(v.out.Notes, "no public key was given: the one that the ledger names was trusted")
		} else if key != v.head.public {
			v.fault(-1, FaultKey, "the ledger names another public key than the one given")
		}
		signed := v.mark("the ledger's own checkpoint", v.head.checkpoint, key)
		if f := v.head.frontier; signed != nil && f != nil && signed.Size < f.Size() {
			v.fault(signed.Size, FaultUnsigned, "%s: the key did not sign them, so that another hand appended them", span(signed.Size, f.Size()))
		}
	}
	v.out.PublicKey = key
	if v.options.Against != nil {
		v.mark("the checkpoint given", v.options.Against, key)
	} else {
		v.out.Notes = append(v.out.Notes, "no older checkpoint was given: without one a rollback cannot be detected")
	}
	slices.SortStableFunc(v.marks, func(a, b *mark) int { return cmp.Compare(a.Size, b.Size) })
	v.passMarks()
	return nil
}

// mark adds a checkpoint, or gives nil where the key did not sign it.
func (v *verifier) mark(name string, signed []byte, key string) *mark {
	if len(signed) == 0 {
		v.fault(-1, FaultCheckpoint, "%s is missing", name)
		return nil
	}
	c, err := ledger.OpenCheckpoint(signed, key)
	if err != nil {
		v.fault(-1, FaultCheckpoint, "%s is not one that the key signed: %v", name, err)
		return nil
	}
	m := &mark{Checkpoint: c, name: name}
	v.marks = append(v.marks, m)
	return m
}

// passMarks notes the root for the checkpoints of the present size.
func (v *verifier) passMarks() {
	for _, m := range v.marks {
		if m.root == nil && v.whole && m.Size == v.tree.Size() {
			root := v.tree.Root()
			m.root, m.own = &root, v.own
		}
	}
}

// judgeMarks holds the roots against the checkpoints'.
func (v *verifier) judgeMarks() {
	for _, m := range v.marks {
		switch {
		case m.Size > v.next:
			v.fault(v.next, FaultCut, "cut off: %s signed %d entries, %d are missing", m.name, m.Size, m.Size-v.next)
		case m.root == nil:
			v.fault(-1, FaultCheckpoint, "%s signed %d entries, of which some are missing", m.name, m.Size)
		case *m.root != m.Root:
			v.fault(-1, FaultCheckpoint, "%s signed another root over %s than they give now", m.name, span(0, m.Size))
		case m.own != m.Own:
			v.fault(-1, FaultCheckpoint, "%s counts %d entries that are no deliveries, and there are %d", m.name, m.Own, m.own)
		}
	}
}
