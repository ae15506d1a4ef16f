package store

import (
	"crypto/rand"
	"database/sql"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// TestRareKindsHaveAnIndex: rotations and erasures are looked for at each start and
// report, and must not cost a walk over all deliveries.
func TestRareKindsHaveAnIndex(t *testing.T) {
	l := empty(t)
	for _, kind := range []ledger.Kind{ledger.Rotation, ledger.Erasure} {
		text, args := selection(ledger.Query{Kinds: []ledger.Kind{kind}}, 100)
		plan := explain(t, l.engine.reader(), text, args)
		if !strings.Contains(plan, "USING INDEX entry_kind") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", kind, plan)
		}
	}
}

// TestIdsHaveAnIndex: an entry is found by its sender's id without a walk over all of them.
func TestIdsHaveAnIndex(t *testing.T) {
	l := empty(t)
	from, to := idRange("72d3162e-cc78-11e3-81ab-4c9367dc0958")
	text, args := selection(ledger.Query{ID: "72d3162e-cc78-11e3-81ab-4c9367dc0958"}, 100)
	for _, plan := range []string{
		explain(t, l.engine.reader(), sqlByID, []any{from, to, "72d3162e-cc78-11e3-81ab-4c9367dc0958"}),
		explain(t, l.engine.reader(), text, args),
	} {
		if !strings.Contains(plan, "USING INDEX entry_identity") {
			t.Error(plan)
		}
	}
}

// empty opens a new ledger.
func empty(t *testing.T) *Ledger {
	t.Helper()
	key, err := ledger.NewKey(rand.Reader, "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), Options{Address: t.TempDir() + "/ledger.db", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func explain(t *testing.T, db *sql.DB, text string, args []any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "; ")
}
