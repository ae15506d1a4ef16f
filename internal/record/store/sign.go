package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// signer makes the checkpoint that is kept with each head: what it does not sign
// is not extended. One transaction at a time goes through begin, sign and done.
type signer struct {
	key    ledger.Key
	now    func() time.Time
	seen   *witness
	latest [groupSize]tlog.Hash
}

// sqlHead moves the head.
const sqlHead = `UPDATE head SET size = $1, frontier = $2, checkpoint = $3, checkpoint_time = $4 WHERE one = 1`

// head is a tree, and how many of its entries the program made.
type head struct {
	*ledger.Frontier
	own    int64
	latest *[groupSize]tlog.Hash // leaves that this process added last
}

// node is a hash to be kept, and how the leaf hashes under it begin, in hexadecimal: of
// level 8 only, and nil where the database has to be asked for them.
type node struct {
	ledger.Node
	leaves *string
}

// checkpoint is the head as it is signed.
func (h head) checkpoint() ledger.Checkpoint {
	return ledger.Checkpoint{Size: h.Size(), Root: h.Root(), Own: h.own}
}

// add puts an entry into the tree.
func (h *head) add(it *item) (nodes []node) {
	if it.entry.Kind != ledger.Delivery {
		h.own++
	}
	h.latest[h.Size()%groupSize] = it.leaf
	for _, n := range h.Append(it.leaf) {
		one := node{Node: n}
		if n.Level == ledger.Stride {
			copied := *h.latest                      // Subtree works in it
			if ledger.Subtree(copied[:]) == n.Hash { // else others added some, or a commit failed
				leaves := begins(h.latest[:])
				one.leaves = &leaves
			}
		}
		nodes = append(nodes, one)
	}
	return nodes
}

// begins is how leaf hashes begin, as it is kept beside the hash over them.
func begins(leaves []tlog.Hash) string {
	b := make([]byte, 0, len(leaves)*shortestID)
	for _, leaf := range leaves {
		b = hex.AppendEncode(b, leaf[:shortestID/2])
	}
	return string(b)
}

// storedHead is the head as the database has it.
type storedHead struct{ frontier, checkpoint []byte }

// sqlStoredHead is the columns of a storedHead.
const sqlStoredHead = `SELECT frontier, checkpoint FROM head WHERE one = 1`

// open reads the head, which the key must have signed.
func (s storedHead) open(public string) (head, error) {
	f, err := ledger.ParseFrontier(s.frontier)
	if err != nil {
		return head{}, fmt.Errorf("%w: %w", ErrRewritten, err)
	}
	c, err := ledger.OpenCheckpoint(s.checkpoint, public)
	if err != nil {
		return head{}, fmt.Errorf("%w: its key did not sign its head: %w", ErrRewritten, err)
	}
	if c.Size != f.Size() || c.Root != f.Root() {
		return head{}, fmt.Errorf("%w: its key did not sign its head of %d entries, but another one of %d", ErrRewritten, f.Size(), c.Size)
	}
	return head{Frontier: f, own: c.Own}, nil
}

// begin gives the head that a transaction found, for it to extend: one that this
// process made itself, or that another replica made with the same key out of it.
func (s *signer) begin(stored storedHead, nodes ledger.Nodes) (*head, error) {
	h, err := s.seen.take(stored, s.key.Public(), nodes)
	if err != nil {
		return nil, err
	}
	return &head{h.Clone(), h.own, &s.latest}, nil
}

// sign gives the new head's checkpoint, and its time in microseconds.
func (s *signer) sign(h *head) ([]byte, int64, error) {
	signed, err := s.key.Sign(h.checkpoint())
	return signed, s.now().UnixMicro(), err
}

// done is told that the head is durable.
func (s *signer) done(h *head) { s.seen.advance(*h) }

// SecretID names a webhook secret for the entries that it verified.
func (l *Ledger) SecretID(s secret.Secret) string { return l.o.Key.SecretID(s) }

// storedHead reads the head as it is now.
func (l *Ledger) storedHead(ctx context.Context) (s storedHead, err error) {
	err = l.read(ctx, sqlStoredHead, &s.frontier, &s.checkpoint)
	return s, err
}
