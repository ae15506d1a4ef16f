package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// files lists a folder.
func files(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestBackupWhileTheLedgerGrows(t *testing.T) {
	e := newEvidence(t, 600)
	l := e.open(t)
	if _, err := l.Erase(t.Context(), at(50), nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "it's a backup.db")
	stop, grown := make(chan struct{}), sync.WaitGroup{}
	grown.Go(func() {
		for n := int64(1000); ; n++ {
			select {
			case <-stop:
				return
			default:
				if _, err := l.Append(t.Context(), numbered(n), payload(n)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	err := l.Backup(t.Context(), path)
	close(stop)
	grown.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); got != "it's a backup.db" {
		t.Errorf("left in the folder: %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others can read it", info.Mode(), err)
	}
	copied := &evidence{address: path, key: e.key}
	size, root, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := copied.verify(t, store.VerifyOptions{Public: e.key.Public()})
	if !v.OK() || v.Size < 601 || v.Size > size || v.Erased != 50 {
		t.Errorf("%+v", v)
	}
	// The backup goes on where the ledger was.
	again := copied.open(t)
	for n := int64(1000); n < 1000+size-601; n++ {
		if _, err := again.Append(t.Context(), numbered(n), payload(n)); err != nil {
			t.Fatal(err)
		}
	}
	if s, r, err := again.Head(t.Context()); err != nil || s != size || r != root {
		t.Errorf("the backup grew to %d %v, %v; the ledger to %d %v", s, r, err, size, root)
	}
}

func TestBackupRefuses(t *testing.T) {
	e := newEvidence(t, 300)
	dir := t.TempDir()
	path := filepath.Join(dir, "backup.db")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := e.open(t)
	if err := l.Backup(t.Context(), path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that is there: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "mine" {
		t.Errorf("the file is now %q, %v", data, err)
	}
	exchange(t, e, "body", 3, 4)
	if err := l.Backup(t.Context(), filepath.Join(dir, "other.db")); err == nil || !strings.Contains(err.Error(), "of entry 3 (body") {
		t.Errorf("a ledger that was tampered with: %v", err)
	}
	if got := files(t, dir); got != "backup.db" {
		t.Errorf("left in the folder: %q", got)
	}
}

// TestAnIndexThatHidesEntries: the rows are all there, and no question by time
// finds one of them.
func TestAnIndexThatHidesEntries(t *testing.T) {
	e := newEvidence(t, 300)
	sign(t, e)
	e.exec(t, `CREATE TABLE aside AS SELECT * FROM entry WHERE idx = 7`)
	e.exec(t, `CREATE TABLE schema AS SELECT * FROM sqlite_master WHERE name = 'entry_time'`)
	edit := func(statements ...string) {
		for _, s := range append([]string{`PRAGMA writable_schema = ON`}, statements...) {
			if _, err := e.db.Exec(s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
		if _, err := e.db.Exec(`PRAGMA writable_schema = RESET`); err != nil {
			t.Fatal(err)
		}
	}
	e.exec(t, `DELETE FROM entry WHERE idx = 7`)
	edit(`DELETE FROM sqlite_master WHERE name = 'entry_time'`)
	e.exec(t, `INSERT INTO entry SELECT * FROM aside`)
	edit(`INSERT INTO sqlite_master SELECT * FROM schema`)
	edit(`DROP TABLE aside`, `DROP TABLE schema`)
	l := e.open(t)
	count := 0
	for _, err := range l.Records(t.Context(), ledger.Query{From: at(7), To: at(8)}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	v, err := l.Verify(t.Context(), store.VerifyOptions{})
	if err != nil || len(v.Faults) == 0 || v.Faults[0].Kind != store.FaultIndex {
		t.Errorf("%d entries found by time, and: %v\n%s", count, err, messages(v))
	}
}
