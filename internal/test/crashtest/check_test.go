package crashtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// story is a history and the ledger that came of it.
type story struct {
	sent []Attempt
	held []Held
	seen []ledger.Checkpoint
}

func keyOf(guid, body string) Key {
	return Key{"7", "repository/42", guid, "push", sha256.Sum256([]byte(body))}
}

func leafOf(k Key) tlog.Hash { return tlog.RecordHash(fmt.Append(nil, k)) }

// good is a history with one of everything: acknowledged, repeated, with
// another body, refused, unanswered and kept, unanswered and lost, turned away
// and kept, turned away and lost.
func good() story {
	var s story
	clock := time.Duration(0)
	send := func(k Key, status int, kept bool) {
		leaf := leafOf(k)
		a := Attempt{Key: k, Start: clock, End: clock + 5, Status: status}
		clock += 10
		if status == 202 || status == 200 {
			a.ID = hex.EncodeToString(leaf[:])
		}
		s.sent = append(s.sent, a)
		if kept {
			s.held = append(s.held, Held{k, int64(len(s.held)), leaf})
		}
	}
	send(keyOf("a", "1"), 202, true)
	send(keyOf("b", "2"), 202, true)
	send(keyOf("a", "1"), 200, false)
	send(keyOf("a", "other"), 202, true)
	send(keyOf("bad", "3"), 401, false)
	send(keyOf("quiet", "4"), 0, true)
	send(keyOf("quiet", "4"), 200, false)
	send(keyOf("gone", "5"), 0, false)
	send(keyOf("late", "6"), 503, true)
	send(keyOf("later", "7"), 503, false)
	send(keyOf("later", "7"), 202, true)
	s.see(0)
	s.see(3)
	s.see(int64(len(s.held)))
	return s
}

// see takes a checkpoint of the ledger's first entries.
func (s *story) see(size int64) {
	var tree ledger.Frontier
	for _, h := range s.held[:size] {
		tree.Append(h.Leaf)
	}
	s.seen = append(s.seen, ledger.Checkpoint{Size: size, Root: tree.Root()})
}

// number gives the entries the indexes of their positions.
func (s *story) number() {
	for i := range s.held {
		s.held[i].Index = int64(i)
	}
	s.seen = nil // not what is tested there
}

func TestCheckTakesAGoodHistory(t *testing.T) {
	s := good()
	if faults := Check(s.sent, s.held, s.seen); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	if faults := Check(nil, nil, nil); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
}

func TestCheckFindsEveryFault(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(*story)
		want  string
	}{
		"an acknowledged entry is lost": {func(s *story) { s.held = slices.Delete(s.held, 1, 2); s.number() },
			"b was acknowledged with 202 and is lost"},
		"the last one is lost": {func(s *story) { s.held = s.held[:len(s.held)-1]; s.seen = nil },
			"later was acknowledged with 202 and is lost"},
		"a duplicate's first is lost": {func(s *story) {
			s.sent[0].Status = 0
			s.held = s.held[1:]
			s.number()
		}, "a was acknowledged with 200 and is lost"},
		"the body is another":          {func(s *story) { s.held[1].Body[0] ^= 1 }, "b was acknowledged with 202 and is lost"},
		"an entry is stored twice":     {func(s *story) { s.held = append(s.held, s.held[0]); s.number() }, "entry 6 is entry 0 again: a"},
		"an unanswered one is twice":   {func(s *story) { s.held = append(s.held, s.held[3]); s.number() }, "entry 6 is entry 3 again: quiet"},
		"a refused one is held":        {func(s *story) { s.sent[1].Status = 401 }, "entry 1 was refused or never sent: b"},
		"one that nobody sent is held": {func(s *story) { s.sent = slices.Delete(s.sent, 8, 9) }, "entry 4 was refused or never sent: late"},
		"a gap":                        {func(s *story) { s.held[5].Index++ }, "entry 6 stands at position 5"},
		"a shifted sequence": {func(s *story) {
			for i := range s.held {
				s.held[i].Index++
			}
		}, "entry 1 stands at position 0"},
		"another id was told":    {func(s *story) { s.sent[1].ID = s.sent[0].ID }, "b was acknowledged as " + good().sent[0].ID},
		"no id was told":         {func(s *story) { s.sent[1].ID = "" }, "b was acknowledged as  and is entry 1"},
		"new twice":              {func(s *story) { s.sent[2].Status = 202 }, "a was new 2 times"},
		"a duplicate of nothing": {func(s *story) { s.sent[1].Status = 200 }, "b was called a duplicate and was sent once"},
		"an answer of its own":   {func(s *story) { s.sent[7].Status = 500 }, "gone was answered with 500"},
		"an early redirect":      {func(s *story) { s.sent[7].Status = 302 }, "gone was answered with 302"},
		"order": {func(s *story) { s.held[0], s.held[1] = s.held[1], s.held[0]; s.number() },
			"entry 0 was sent after entry 1 had been acknowledged: b"},
		"a tail was cut off": {func(s *story) { s.held = s.held[:5]; s.sent = s.sent[:9] },
			"a checkpoint of 6 entries was seen, and there are 5"},
		"the past was changed":    {func(s *story) { s.held[3].Leaf[0] ^= 1 }, "the first 6 entries have another root"},
		"an old root was another": {func(s *story) { s.seen[1].Root[0] ^= 1 }, "the first 3 entries have another root"},
	} {
		s := good()
		c.plant(&s)
		faults := Check(s.sent, s.held, s.seen)
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, c.want) }) {
			t.Errorf("%s: found %q, not %q", name, faults, c.want)
		}
	}
}

// TestCheckLeavesSpace shows that what happened at the same time may stand in
// any order, and that no answer says nothing.
func TestCheckLeavesSpace(t *testing.T) {
	s := good()
	s.sent[1].Start = s.sent[0].Start
	s.held[0], s.held[1] = s.held[1], s.held[0]
	s.number()
	s.sent = append(s.sent, Attempt{Key: keyOf("c", "c"), Start: 500, End: 501})
	if faults := Check(s.sent, s.held, s.seen); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
}
