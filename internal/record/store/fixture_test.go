package store_test

import (
	"bytes"
	"database/sql"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// evidence is a ledger that a test may spoil: the address to open it with, and
// a connection past all of our code.
type evidence struct {
	scene   *scene
	address string
	key     ledger.Key
	db      *sql.DB
}

func (e *evidence) open(t testing.TB) *store.Ledger {
	t.Helper()
	l, err := store.Open(t.Context(), store.Options{Address: e.address, Key: e.key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// exec spoils something.
func (e *evidence) exec(t testing.TB, text string, args ...any) {
	t.Helper()
	result, err := e.db.ExecContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if n, err := result.RowsAffected(); err == nil && n == 0 {
		t.Fatalf("%s: changed nothing", text)
	}
}

// verify reads the ledger without being able to change it.
func (e *evidence) verify(t testing.TB, o store.VerifyOptions) store.Verification {
	t.Helper()
	l, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	v, err := l.Verify(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// body reads a body in the same way.
func (e *evidence) body(t testing.TB, index int64) ([]byte, error) {
	t.Helper()
	l, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Body(t.Context(), index)
}

// payload is what the delivery with this number says: the same every time.
func payload(n int64) []byte {
	random := mathrand.New(mathrand.NewPCG(uint64(n), 1))
	b := fmt.Appendf(nil, `{"n":%d,"sender":{"login":"octo-%d","id":%d}`, n, n, n)
	for range random.IntN(20) {
		b = fmt.Appendf(b, `,"key_%d":"https://api.github.com/%x"`, random.IntN(5), random.Uint64())
	}
	return append(b, '}')
}

func numbered(n int64) ledger.Entry {
	return ledger.Entry{
		Kind: ledger.Delivery, Version: 1, Time: time.Date(2026, 11, 1, 0, 0, int(n), 0, time.UTC), Source: "4711",
		ID: fmt.Sprintf("guid-%06d", n), Name: "push", Target: "repository/1296269",
	}
}

// grow adds the deliveries from (included) to to (excluded). Each has its own
// number's index, whatever was committed together.
func grow(t testing.TB, l *store.Ledger, from, to int64) {
	t.Helper()
	for n := from; n < to; n++ {
		if _, err := l.Append(t.Context(), numbered(n), payload(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// scene is where the ledgers of a test lie: in files, or on a server.
type scene struct {
	server *postgrestest.Server // nil: SQLite
	made   map[int64]original
}

// original is an honest ledger that was made once.
type original struct {
	address string // on a server: where it lies still
	state   string
	key     ledger.Key
}

// madeInSQLite are the honest files that tests have made so far. Tests of this
// package run one after the other.
var madeInSQLite = map[int64]original{}

// scenes runs a test on both engines.
func scenes(t *testing.T, test func(*testing.T, *scene)) {
	t.Run("SQLite", func(t *testing.T) { test(t, &scene{made: madeInSQLite}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, &scene{server: postgrestest.Shared(t), made: map[int64]original{}})
	})
}

// newEvidence gives an honest SQLite ledger with so many deliveries.
func newEvidence(t testing.TB, size int64) *evidence {
	t.Helper()
	return (&scene{made: madeInSQLite}).evidence(t, size)
}

// evidence gives an honest ledger with so many deliveries.
func (s *scene) evidence(t testing.TB, size int64) *evidence {
	t.Helper()
	o, ok := s.made[size]
	if !ok {
		e := s.make(t, size)
		o = original{e.address, e.save(t), e.key}
		s.made[size] = o
		return e
	}
	e := &evidence{scene: s, address: o.address, key: o.key}
	if s.server == nil {
		e.address = s.place(t)
	} else {
		e.connect(t)
	}
	e.restore(t, o.state)
	return e
}

// make makes an honest ledger: in SQLite by appending, in PostgreSQL, where that
// takes long, by importing the same one.
func (s *scene) make(t testing.TB, size int64) *evidence {
	t.Helper()
	var (
		export bytes.Buffer
		e      = &evidence{scene: s, address: s.place(t)}
	)
	if s.server == nil {
		e.key = newKey(t)
	} else {
		from := newEvidence(t, size)
		if err := from.open(t).Export(t.Context(), &export); err != nil {
			t.Fatal(err)
		}
		e.key = from.key
	}
	l := e.open(t)
	if s.server == nil {
		grow(t, l, 0, size)
	} else if err := store.Import(t.Context(), &export, l); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	e.connect(t)
	return e
}

// place is the address of a ledger to be.
func (s *scene) place(t testing.TB) string {
	t.Helper()
	if s.server != nil {
		return s.server.Create(t, newName())
	}
	return filepath.Join(t.TempDir(), "ledger.db")
}

// connect opens a connection that keeps no promise of the ledger's own.
func (e *evidence) connect(t testing.TB) {
	t.Helper()
	driver, address := "pgx", e.address
	if e.scene.server == nil {
		driver, address = "sqlite", "file:"+e.address+"?_pragma=ignore_check_constraints(1)&_pragma=synchronous(off)"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	e.db = db
}

// disconnect lets go of the database, so that it can be copied.
func (e *evidence) disconnect(t testing.TB) {
	t.Helper()
	if e.db != nil {
		if err := e.db.Close(); err != nil {
			t.Fatal(err)
		}
		e.db = nil
	}
}

// tables are all that a ledger keeps.
var tables = []string{"entry", "body", "node", "head"}

func (e *evidence) statement(t testing.TB, text string) {
	t.Helper()
	if _, err := e.db.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// save copies the ledger as it is; it must not be open.
func (e *evidence) save(t testing.TB) (state string) {
	t.Helper()
	if e.scene.server != nil { // beside the tables: a whole database takes a second to copy
		state = newName()
		e.statement(t, fmt.Sprintf("CREATE SCHEMA %q", state))
		for _, table := range tables {
			e.statement(t, fmt.Sprintf("CREATE TABLE %q.%s AS TABLE public.%s", state, table, table))
		}
		return state
	}
	e.disconnect(t)
	defer e.connect(t)
	data, err := os.ReadFile(e.address)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// restore puts a copy into the ledger's place.
func (e *evidence) restore(t testing.TB, state string) {
	t.Helper()
	if e.scene.server != nil {
		for _, table := range tables {
			e.statement(t, "DELETE FROM public."+table)
			e.statement(t, fmt.Sprintf("INSERT INTO public.%s SELECT * FROM %q.%s", table, state, table))
		}
		return
	}
	e.disconnect(t)
	defer e.connect(t)
	if err := os.WriteFile(e.address, []byte(state), 0o600); err != nil {
		t.Fatal(err)
	}
}
