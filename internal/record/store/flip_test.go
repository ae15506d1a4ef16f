package store_test

import (
	"bytes"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// columns are all of the ledger's tables; the first ones name the row.
var columns = map[string][]string{
	"entry": {"idx", "kind", "version", "time", "source", "id", "name", "target", "signature", "secret", "extra", "body_hash", "body_size",
		"leaf_hash", "identity"},
	"body": {"idx", "same", "encoding", "data"},
	"node": {"level", "n", "hash", "leaves"},
	"head": {"one", "size", "frontier", "public_key", "checkpoint"},
}

// provesNothing are the columns that Verify does not hold against anything: when
// the checkpoint was signed is told to people, and not in what is signed.
var provesNothing = map[string][]string{"head": {"checkpoint_time"}}

// TestTheListOfColumnsIsWhole: a column that comes later is flipped too.
func TestTheListOfColumnsIsWhole(t *testing.T) {
	e := newEvidence(t, 1)
	for table, names := range columns {
		rows, err := e.db.Query(`SELECT * FROM ` + table)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		if want := slices.Concat(names, provesNothing[table]); !slices.Equal(got, want) {
			t.Errorf("%s has the columns %q, the tests know of %q", table, got, want)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// flip changes one bit of one value.
func flip(random *mathrand.Rand, value any) any {
	switch v := value.(type) {
	case nil: // of a column of bytes the database does not take it
		return int64(random.IntN(size600))
	case int64:
		return v ^ 1<<random.IntN(48)
	case bool:
		return !v
	case string:
		if v == "" {
			return "x"
		}
		b := []byte(v)
		b[random.IntN(len(b))] ^= 1 << random.IntN(7)
		return string(b)
	case []byte:
		b := slices.Clone(v)
		if len(b) == 0 {
			return []byte{0}
		}
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		return b
	}
	panic(fmt.Sprintf("a value of type %T", value))
}

// flipSome changes one bit of one column of one row, and says which, and in which row.
func flipSome(t *testing.T, random *mathrand.Rand, e *evidence, table, column string) (what string, row any) {
	t.Helper()
	names := columns[table]
	key := names[:1]
	if table == "node" {
		key = names[:2]
	}
	var count int64
	if err := e.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&count); err != nil {
		t.Fatal(err)
	}
	values := make([]any, len(key)+1)
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	list := strings.Join(append(slices.Clone(key), column), ", ")
	order := strings.Join(key, ", ")
	err := e.db.QueryRow(`SELECT `+list+` FROM `+table+` ORDER BY `+order+` LIMIT 1 OFFSET $1`, random.Int64N(count)).Scan(into...)
	if err != nil {
		t.Fatal(err)
	}
	last := len(values) - 1
	args := []any{flip(random, values[last])}
	where := ""
	for i, name := range key {
		args = append(args, values[i])
		where += fmt.Sprintf(" AND %s = $%d", name, i+2)
	}
	what = fmt.Sprintf("%s.%s of %v: %v to %v", table, column, values[:last], values[last], args[0])
	if _, err := e.db.Exec(`UPDATE `+table+` SET `+column+` = $1 WHERE 1 = 1`+where, args...); err != nil {
		return "", nil // two rows would have the same key
	}
	return what, values[0]
}

// TestEveryFlipIsFound changes single bits in all columns of all tables.
func TestEveryFlipIsFound(t *testing.T) { scenes(t, testFlips) }

func testFlips(t *testing.T, s *scene) {
	seed := mathrand.Uint64()
	if text := os.Getenv("STORE_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("STORE_SEED=%d", seed)
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	var places [][2]string
	for table, names := range columns {
		for _, name := range names {
			places = append(places, [2]string{table, name})
		}
	}
	slices.SortFunc(places, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })

	e := s.evidence(t, size600)
	sign(t, e)
	l := e.open(t)
	for n := range int64(100) { // bodies that came before
		if _, err := l.Append(t.Context(), numbered(1_000_000+n), payload(200+n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Erase(t.Context(), at(50), keepNumber); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	sign(t, e)
	honest := e.save(t)
	if v := e.verify(t, store.VerifyOptions{Public: e.key.Public()}); !v.OK() {
		t.Fatal(messages(v))
	}
	flips := 2 * len(places)
	if *full {
		flips = 10 * len(places)
	}
	done, same := 0, 0
	for i := 0; done < flips; i++ {
		e.restore(t, honest)
		place := places[i%len(places)]
		what, row := flipSome(t, random, e, place[0], place[1])
		if what == "" {
			continue
		}
		done++
		v := e.verify(t, store.VerifyOptions{Public: e.key.Public()})
		if !v.OK() {
			continue
		}
		// What was packed can be written in several ways that unpack to the same.
		if place[1] == "data" {
			got, err := e.body(t, row.(int64))
			e.restore(t, honest)
			want, honestErr := e.body(t, row.(int64))
			if err == nil && honestErr == nil && bytes.Equal(got, want) {
				same++
				continue
			}
		}
		t.Errorf("not found: %s", what)
	}
	t.Logf("%d flips, of which %d left a body that unpacks to the very same", done, same)
}
