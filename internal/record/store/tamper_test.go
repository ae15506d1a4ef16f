package store_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// found gives the faults as "kind index", once each.
func found(v store.Verification) []string {
	all := []string{}
	for _, f := range v.Faults {
		all = append(all, fmt.Sprint(f.Kind, " ", f.Index))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// rewrite changes an entry the way of one who knows the tree: its leaf hash
// goes with it.
func rewrite(t testing.TB, e *evidence, index int64, change func(*ledger.Entry)) {
	t.Helper()
	n := numbered(index)
	n.BodyHash, n.BodySize = sha256.Sum256(payload(index)), int64(len(payload(index)))
	change(&n)
	leaf := n.Hash()
	e.exec(t, `UPDATE entry SET time = $1, name = $2, id = $3, body_hash = $4, body_size = $5, leaf_hash = $6, identity = $7 WHERE idx = $8`,
		n.Time.UnixMicro(), n.Name, n.ID, n.BodyHash[:], n.BodySize, leaf[:], identityOf(n), index)
}

// identityOf is the model of the column.
func identityOf(e ledger.Entry) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%s\n%s", e.Kind, e.Source, e.ID, e.Name, e.Target, e.BodyHash[:]))
	return append([]byte((e.ID + strings.Repeat("\x00", 8))[:8]), sum[:16]...)
}

// rebuild makes nodes and head anew out of the entries, as one who can do
// everything but sign.
func rebuild(t testing.TB, e *evidence) {
	t.Helper()
	rows, err := e.db.Query(`SELECT leaf_hash FROM entry ORDER BY idx`)
	if err != nil {
		t.Fatal(err)
	}
	var (
		f     ledger.Frontier
		nodes []ledger.Node
		begin strings.Builder // how all leaves do
	)
	for rows.Next() {
		var leaf []byte
		if err := rows.Scan(&leaf); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, f.Append([32]byte(leaf))...)
		fmt.Fprintf(&begin, "%x", leaf[:4])
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.db.Exec(`DELETE FROM node`); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		var leaves any
		if n.Level == 8 {
			leaves = begin.String()[n.Index*2048 : n.Index*2048+2048]
		}
		e.exec(t, `INSERT INTO node (level, n, hash, leaves) VALUES ($1, $2, $3, $4)`, n.Level, n.Index, n.Hash[:], leaves)
	}
	e.exec(t, `UPDATE head SET size = $1, frontier = $2`, f.Size(), f.AppendBinary(nil))
}

// remove deletes an entry and its body.
func remove(t testing.TB, e *evidence, from, to int64) {
	t.Helper()
	e.exec(t, `DELETE FROM entry WHERE idx >= $1 AND idx < $2`, from, to)
	e.exec(t, `DELETE FROM body WHERE idx >= $1 AND idx < $2`, from, to)
}

// exchange swaps two rows of a table.
func exchange(t testing.TB, e *evidence, table string, a, b int64) {
	t.Helper()
	for _, move := range [][2]int64{{a, -1}, {b, a}, {-1, b}} {
		e.exec(t, `UPDATE `+table+` SET idx = $1 WHERE idx = $2`, move[1], move[0])
	}
}

// A ledger of 600 entries has two stored nodes (0 to 255, 256 to 511) and a
// right edge over 512 to 575, 576 to 591, 592 to 599.
const size600 = 600

var tamperings = []struct {
	name   string
	tamper func(*testing.T, *evidence)
	want   []string
}{
	{"delete the first entry", func(t *testing.T, e *evidence) { remove(t, e, 0, 1) }, []string{"checkpoint -1", "missing 0"}},
	{"delete an entry in the middle", func(t *testing.T, e *evidence) { remove(t, e, 300, 301) }, []string{"checkpoint -1", "missing 300"}},
	{"delete the last entry", func(t *testing.T, e *evidence) { remove(t, e, 599, 600) }, []string{"cut 599", "missing 599"}},
	{"delete a range across nodes", func(t *testing.T, e *evidence) { remove(t, e, 200, 520) }, []string{"checkpoint -1", "missing 200"}},
	{"delete everything", func(t *testing.T, e *evidence) { remove(t, e, 0, 600); e.exec(t, `DELETE FROM node`) },
		[]string{"cut 0", "missing 0"}},
	{"delete an entry, leave its body", func(t *testing.T, e *evidence) { e.exec(t, `DELETE FROM entry WHERE idx = 70`) },
		[]string{"checkpoint -1", "missing 70", "stray 70"}},
	{"delete an entry and close the gap", func(t *testing.T, e *evidence) {
		remove(t, e, 300, 301)
		for i := int64(301); i < 600; i++ {
			e.exec(t, `UPDATE entry SET idx = $1 WHERE idx = $2`, i-1, i)
			e.exec(t, `UPDATE body SET idx = $1 WHERE idx = $2`, i-1, i)
		}
	}, []string{"cut 599", "missing 599", "node 256"}},
	{"move an entry far away", func(t *testing.T, e *evidence) {
		e.exec(t, `UPDATE entry SET idx = 1000000000000000 WHERE idx = 80`)
	}, []string{"checkpoint -1", "lost 1000000000000000", "missing 600", "missing 80", "node 0", "node 512", "stray 600", "stray 80"}},
	{"move an entry before the first", func(t *testing.T, e *evidence) { e.exec(t, `UPDATE entry SET idx = -5 WHERE idx = 0`) },
		[]string{"checkpoint -1", "missing 0", "stray -5", "stray 0"}},
	{"swap neighbours", func(t *testing.T, e *evidence) { exchange(t, e, "entry", 40, 41); exchange(t, e, "body", 40, 41) },
		[]string{"checkpoint -1", "order 40", "order 41"}},
	{"swap entries under two nodes", func(t *testing.T, e *evidence) { exchange(t, e, "entry", 7, 400); exchange(t, e, "body", 7, 400) },
		[]string{"checkpoint -1", "order 400", "order 7"}},
	{"swap entries of a node and the edge",
		func(t *testing.T, e *evidence) { exchange(t, e, "entry", 3, 595); exchange(t, e, "body", 3, 595) },
		[]string{"checkpoint -1", "order 3", "order 595"}},
	{"swap entries of the edge", func(t *testing.T, e *evidence) {
		exchange(t, e, "entry", 520, 599)
		exchange(t, e, "body", 520, 599)
	}, []string{"checkpoint -1", "order 520", "order 599"}},
	{"swap entries without bodies", func(t *testing.T, e *evidence) { exchange(t, e, "entry", 40, 300) },
		[]string{"body 300", "body 40", "checkpoint -1", "order 300", "order 40"}},
	{"swap bodies", func(t *testing.T, e *evidence) { exchange(t, e, "body", 40, 300) }, []string{"body 300", "body 40"}},
	{"change an entry with its leaf hash", func(t *testing.T, e *evidence) {
		rewrite(t, e, 100, func(n *ledger.Entry) { n.Name = "ping" })
	}, []string{"checkpoint -1", "node 0"}},
	{"change an entry of the edge with its leaf hash", func(t *testing.T, e *evidence) {
		rewrite(t, e, 580, func(n *ledger.Entry) { n.Name = "ping" })
	}, []string{"checkpoint -1", "head 576"}},
	{"change an entry, its leaf hash, and all above", func(t *testing.T, e *evidence) {
		rewrite(t, e, 100, func(n *ledger.Entry) { n.Name = "ping" })
		rebuild(t, e)
	}, []string{"checkpoint -1"}},
	{"change an entry and its body with all hashes", func(t *testing.T, e *evidence) {
		other := []byte(`{"n":100}`)
		rewrite(t, e, 100, func(n *ledger.Entry) { n.BodyHash, n.BodySize = sha256.Sum256(other), int64(len(other)) })
		e.exec(t, `UPDATE body SET encoding = 'raw', data = $1 WHERE idx = 100`, other)
		rebuild(t, e)
	}, []string{"checkpoint -1"}},
	{"insert an entry at the end", func(t *testing.T, e *evidence) { insert(t, e, 600) }, []string{"stray 600"}},
	{"append an entry as the program would, but for the key", func(t *testing.T, e *evidence) { insert(t, e, 600); rebuild(t, e) },
		[]string{"unsigned 600"}},
	{"insert an entry in the middle", func(t *testing.T, e *evidence) {
		for i := int64(599); i >= 300; i-- {
			e.exec(t, `UPDATE entry SET idx = $1 WHERE idx = $2`, i+1, i)
			e.exec(t, `UPDATE body SET idx = $1 WHERE idx = $2`, i+1, i)
		}
		insert(t, e, 300)
	}, []string{"checkpoint -1", "node 256", "stray 600"}},
	{"cut the tail, leave the head", func(t *testing.T, e *evidence) { remove(t, e, 590, 600) }, []string{"cut 590", "missing 590"}},
	{"cut the tail with the head", func(t *testing.T, e *evidence) { remove(t, e, 590, 600); rebuild(t, e) }, []string{"cut 590"}},
	{"cut the tail past nodes with the head", func(t *testing.T, e *evidence) { remove(t, e, 255, 600); rebuild(t, e) }, []string{"cut 255"}},
	{"cut the tail past nodes, leave the nodes", func(t *testing.T, e *evidence) {
		remove(t, e, 255, 600)
		var f ledger.Frontier
		for i := range int64(255) {
			n := numbered(i)
			n.BodyHash, n.BodySize = sha256.Sum256(payload(i)), int64(len(payload(i)))
			f.Append(n.Hash())
		}
		e.exec(t, `UPDATE head SET size = 255, frontier = $1`, f.AppendBinary(nil))
	}, []string{"cut 255", "stray 0", "stray 256"}},
	{"cut the tail with head and checkpoint", func(t *testing.T, e *evidence) {
		remove(t, e, 590, 600)
		rebuild(t, e)
		e.exec(t, `UPDATE head SET checkpoint = $1`, []byte{})
	}, []string{"checkpoint -1"}},
	{"change a node", func(t *testing.T, e *evidence) {
		e.exec(t, `UPDATE node SET hash = $1 WHERE n = 1`, make([]byte, 32))
	}, []string{"node 256"}},
	{"shorten a node", func(t *testing.T, e *evidence) {
		e.exec(t, `UPDATE node SET hash = $1 WHERE n = 1`, []byte("short"))
	}, []string{"node 256"}},
	{"delete a node", func(t *testing.T, e *evidence) { e.exec(t, `DELETE FROM node WHERE n = 0`) }, []string{"node 0"}},
	{"add a node", func(t *testing.T, e *evidence) {
		e.exec(t, `INSERT INTO node (level, n, hash) VALUES (16, 0, $1)`, make([]byte, 32))
	}, []string{"stray 0"}},
	{"make the head smaller", func(t *testing.T, e *evidence) { e.exec(t, `UPDATE head SET size = 599`) }, []string{"head -1", "stray 599"}},
	{"make the head larger", func(t *testing.T, e *evidence) { e.exec(t, `UPDATE head SET size = 1000000000000000`) },
		[]string{"head -1", "missing 600"}},
	{"delete the right edge", func(t *testing.T, e *evidence) { e.exec(t, `UPDATE head SET frontier = $1`, []byte{}) }, []string{"head -1"}},
	{"delete the checkpoint", func(t *testing.T, e *evidence) { e.exec(t, `UPDATE head SET checkpoint = $1`, []byte{}) },
		[]string{"checkpoint -1"}},
	{"forge a checkpoint with another key", func(t *testing.T, e *evidence) {
		forged, err := stranger(t).Sign(ledger.Checkpoint{Size: 3})
		if err != nil {
			t.Fatal(err)
		}
		e.exec(t, `UPDATE head SET checkpoint = $1`, forged)
	}, []string{"checkpoint -1"}},
	{"replace the public key", func(t *testing.T, e *evidence) {
		e.exec(t, `UPDATE head SET public_key = $1`, stranger(t).Public())
	}, []string{"key -1"}},
	{"delete a body", func(t *testing.T, e *evidence) { e.exec(t, `DELETE FROM body WHERE idx = 77`) }, []string{"lost 77"}},
	{"delete two runs of bodies", func(t *testing.T, e *evidence) {
		e.exec(t, `DELETE FROM body WHERE idx IN (77, 78, 79, 599)`)
	}, []string{"lost 599", "lost 77"}},
	{"add a body", func(t *testing.T, e *evidence) {
		e.exec(t, `INSERT INTO body (idx, encoding, data) VALUES (600, 'raw', $1)`, []byte("{}"))
	}, []string{"stray 600"}},
	{"look an entry up by another's id", func(t *testing.T, e *evidence) {
		e.exec(t, `UPDATE entry SET identity = $1 WHERE idx = 5`, append([]byte("guid-700"), make([]byte, 16)...))
	}, []string{"index 5"}},
	{"find an entry by another's leaf hash", func(t *testing.T, e *evidence) {
		e.exec(t, `UPDATE node SET leaves = (SELECT leaves FROM node WHERE n = 0) WHERE n = 1`)
	}, []string{"index 256"}},
	{"find no entry by its leaf hash", func(t *testing.T, e *evidence) { e.exec(t, `UPDATE node SET leaves = NULL WHERE n = 1`) },
		[]string{"index 256"}},
	{"make a body a bomb", func(t *testing.T, e *evidence) {
		e.exec(t, `UPDATE body SET encoding = 's2', data = $1 WHERE idx = 5`, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0})
	}, []string{"body 5"}},
}

// insert adds an entry that was never taken.
func insert(t testing.TB, e *evidence, index int64) {
	t.Helper()
	n, body := numbered(1_000_000), []byte(`{"forged":true}`)
	n.BodyHash, n.BodySize = sha256.Sum256(body), int64(len(body))
	leaf := n.Hash()
	e.exec(t, `INSERT INTO entry
		(idx, kind, version, time, source, id, name, target, signature, secret, extra, body_hash, body_size, leaf_hash, identity)
		VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $11, '', '', $8, $9, $10, $12)`,
		index, string(n.Kind), n.Time.UnixMicro(), n.Source, n.ID, n.Name, n.Target, n.BodyHash[:], n.BodySize, leaf[:],
		[]byte{}, identityOf(n))
	e.exec(t, `INSERT INTO body (idx, encoding, data) VALUES ($1, 'raw', $2)`, index, body)
}

func stranger(t testing.TB) ledger.Key {
	t.Helper()
	key, err := ledger.NewKey(rand.Reader, "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestTampering(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, size600)
		sign(t, e)
		honest := e.save(t)
		for _, c := range tamperings {
			t.Run(c.name, func(t *testing.T) {
				e.restore(t, honest)
				c.tamper(t, e)
				v := e.verify(t, store.VerifyOptions{Public: e.key.Public()})
				if diff := cmp.Diff(c.want, found(v)); diff != "" {
					t.Errorf("%s\n%s", diff, messages(v))
				}
			})
		}
	})
}

// sign keeps a checkpoint of all there is, as one with the key: the ledger
// itself signs nothing that did not grow.
func sign(t testing.TB, e *evidence) []byte {
	t.Helper()
	var stored []byte
	if err := e.db.QueryRowContext(t.Context(), `SELECT frontier FROM head`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	f, err := ledger.ParseFrontier(stored)
	if err != nil {
		t.Fatal(err)
	}
	c := ledger.Checkpoint{Size: f.Size(), Root: f.Root()}
	if err := e.db.QueryRowContext(t.Context(), `SELECT count(*) FROM entry WHERE kind <> 'delivery'`).Scan(&c.Own); err != nil {
		t.Fatal(err)
	}
	signed, err := e.key.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	e.exec(t, `UPDATE head SET checkpoint = $1`, signed)
	return signed
}

func messages(v store.Verification) string {
	var b strings.Builder
	for _, f := range v.Faults {
		fmt.Fprintf(&b, "%d %s: %s\n", f.Index, f.Kind, f.Message)
	}
	return b.String()
}
