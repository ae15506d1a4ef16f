package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// maxGaps is how many gaps of one kind are told one by one.
const maxGaps = 20

// gapList is a list of gaps that stays short.
type gapList struct {
	told []string
	more int
}

func (g *gapList) add(format string, args ...any) {
	if len(g.told) == maxGaps {
		g.more++
		return
	}
	g.told = append(g.told, fmt.Sprintf(format, args...)+": verify the ledger")
}

func (g *gapList) all() []string {
	if g.more > 0 {
		return append(g.told, fmt.Sprintf("%d more of the ledger's entries are not as they were written", g.more))
	}
	return g.told
}

// signedHead is the head, as far as it can be believed.
type signedHead struct {
	ledger.Checkpoint
	signed bool
	last   int64 // index of the last row of the entries
}

// readSigned reads the head and where the entries end, as of one moment.
func (l *Ledger) readSigned(ctx context.Context, gaps *gapList) (s signedHead, err error) {
	var stored storedHead
	err = l.engine.reader().QueryRowContext(ctx, `SELECT size, frontier, checkpoint, (SELECT coalesce(max(idx), -1) FROM entry)
		FROM head WHERE one = 1`).Scan(&s.Size, &stored.frontier, &stored.checkpoint, &s.last)
	if errors.Is(err, sql.ErrNoRows) {
		gaps.add("the ledger's head is missing")
		return signedHead{last: math.MaxInt64 - 1, Checkpoint: ledger.Checkpoint{Size: math.MaxInt64}}, nil
	}
	if err != nil {
		return s, fmt.Errorf("read the head of the ledger: %w", err)
	}
	h, err := stored.open(l.public)
	if err != nil {
		gaps.add("the ledger's key did not sign its head")
		s.Size = s.last + 1
		return s, nil
	}
	if s.Size != h.Size() {
		gaps.add("the head says %d entries, and its key signed %d", s.Size, h.Size())
	}
	if l.fits(ctx, h.Frontier) != nil {
		gaps.add("the ledger did not grow out of the checkpoint that was kept of it")
	}
	s.Checkpoint, s.signed = h.checkpoint(), true
	if s.last >= s.Size {
		gaps.add("%s: the head does not know of them", span(s.Size, s.last+1))
	}
	return s, nil
}

// Since implements ledger.Reader. The entries are read by their index up to the head,
// their leaves are worked out anew and added to the tree over those before, and that
// must give the root that the key signed.
func (l *Ledger) Since(ctx context.Context, from time.Time, see func(ledger.Record) error) ([]string, error) {
	s := &sinceWalk{l: l, ctx: ctx, see: see}
	if err := s.run(from); err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	return s.gaps.all(), nil
}

// sinceWalk is one run of Since.
type sinceWalk struct {
	l    *Ledger
	ctx  context.Context
	see  func(ledger.Record) error
	gaps gapList
	tree *ledger.Frontier // nil where it cannot be told
	next int64
	// altered are the entries whose leaf hash is another one.
	altered indexSet
}

func (s *sinceWalk) run(from time.Time) error {
	head, err := s.l.readSigned(s.ctx, &s.gaps)
	if err != nil {
		return err
	}
	first, err := s.first(from)
	if err != nil {
		return err
	}
	// The tree begins where a stored hash ends, so that no leaf before is asked for.
	s.next = min(first, head.Size) / groupSize * groupSize
	if s.tree, err = ledger.FrontierAt(s.next, s.l.nodes(s.ctx)); err != nil {
		if s.ctx.Err() != nil {
			return err
		}
		s.tree = nil
		s.gaps.add("hashes over the entries before %d are missing", s.next)
	}
	if err := s.walk(first, head.Size); err != nil {
		return err
	}
	for from, to := range s.altered.runs() {
		s.gaps.add("%s: not as written", span(from, to))
	}
	if s.next < head.Size && head.Size < math.MaxInt64 {
		s.missing(head.Size)
	}
	if head.signed && s.tree != nil && s.tree.Root() != head.Root {
		s.gaps.add("%s: the key signed others", span(first, head.Size))
	}
	return nil
}

// walk reads the entries up to the end, and lets those from first on be seen.
func (s *sinceWalk) walk(first, end int64) error {
	for s.next < end {
		rows, err := entryRows(s.ctx, s.l.engine.reader(), s.next, `idx >= $1 AND idx < $2 ORDER BY idx LIMIT $3`, s.next, end, page)
		if err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			r := &rows[i]
			if r.Index > s.next {
				s.missing(r.Index)
			}
			s.next = r.Index + 1
			if r.leaf != r.stored || !r.known {
				s.altered.add(r.Index)
			}
			if s.tree != nil {
				s.tree.Append(r.leaf)
			}
			if r.Index < first {
				continue
			}
			if err := s.see(r.Record); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sinceWalk) missing(to int64) {
	s.gaps.add("%s: missing", span(s.next, to))
	s.tree = nil
}

// first is the index of the latest entry before the time: what stands behind it can
// have come in at the time or later, whatever its clock said.
func (s *sinceWalk) first(from time.Time) (int64, error) {
	db, late, before := s.l.engine.reader(), sql.NullInt64{}, sql.NullInt64{}
	// idx + 0, since for min(idx) both engines would walk along idx, and not by time.
	err := db.QueryRowContext(s.ctx, `SELECT min(idx + 0) FROM entry WHERE time >= $1`, from.UnixMicro()).Scan(&late)
	if err != nil {
		return 0, err
	}
	if !late.Valid {
		late.Int64 = math.MaxInt64
	}
	err = db.QueryRowContext(s.ctx, `SELECT idx FROM entry WHERE time < $1 AND idx < $2 ORDER BY time DESC, idx DESC LIMIT 1`,
		from.UnixMicro(), late.Int64).Scan(&before)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// An index of the database can be wrong; the row itself is held against the tree.
	r, err := s.l.Record(s.ctx, before.Int64)
	if err != nil || !r.Time.Before(from) {
		return 0, nil
	}
	return before.Int64, nil
}

// Own implements ledger.Reader. Each entry is proven, and the signed head says how
// many there are.
func (l *Ledger) Own(ctx context.Context, kind ledger.Kind) (own []ledger.Record, told []string, err error) {
	var gaps gapList
	head, err := l.readSigned(ctx, &gaps)
	if err != nil {
		return nil, nil, err
	}
	rows, err := entryRows(ctx, l.engine.reader(), math.MinInt64, `kind <> 'delivery' AND idx < $1 ORDER BY idx`, head.Size)
	if err != nil {
		return nil, nil, fmt.Errorf("read entries: %w", err)
	}
	for _, r := range rows {
		if r.Kind == kind {
			own = append(own, r.Record)
		}
		if !head.signed {
			continue
		}
		if err := l.proven(ctx, head, r); err != nil && ctx.Err() != nil {
			return nil, nil, err
		} else if err != nil || !r.known {
			gaps.add("entry %d, a %s, is not one that the key signed", r.Index, r.Kind)
		}
	}
	if count := int64(len(rows)); head.signed && count != head.Checkpoint.Own {
		gaps.add("of %d entries that are no deliveries %d are there", head.Checkpoint.Own, count)
	}
	return own, gaps.all(), nil
}

// proven says whether the entry is in the tree that the key signed.
func (l *Ledger) proven(ctx context.Context, head signedHead, r entryRow) error {
	path, err := tlog.ProveRecord(head.Size, r.Index, l.nodes(ctx))
	if err == nil {
		err = tlog.CheckRecord(path, head.Size, head.Root, r.Index, r.leaf)
	}
	return err
}

// Kept implements ledger.Reader. An entry that is there and not proven is an error: it
// is another's that the key did not sign.
func (l *Ledger) Kept(ctx context.Context, guid, id string) (bool, error) {
	var gaps gapList
	head, err := l.readSigned(ctx, &gaps)
	if err == nil && !head.signed {
		err = errors.New(strings.Join(gaps.all(), "; "))
	}
	if err != nil {
		return false, fmt.Errorf("look for entry %s: %w", id, err)
	}
	from, to := idRange(guid)
	rows, err := entryRows(ctx, l.engine.reader(), math.MinInt64,
		`identity >= $1 AND identity < $2 AND id = $3 AND kind = 'delivery' AND idx < $4 ORDER BY idx`, from, to, guid, head.Size)
	for _, r := range rows {
		if hex.EncodeToString(r.leaf[:]) != id {
			continue
		}
		if err = l.proven(ctx, head, r); err == nil {
			return true, nil
		}
	}
	if err != nil {
		err = fmt.Errorf("prove entry %s: %w: verify the ledger", id, err)
	}
	return false, err
}
