package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// TestOtherFiles: what is no ledger is refused, and stays as it is to the byte.
func TestOtherFiles(t *testing.T) {
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("these are notes, and no pages of a database, although they are long enough for a header of one, "+
		"which has 100 bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "bookmarks.db")
	db, err := sql.Open("sqlite", other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = db.Exec(`CREATE TABLE bookmark (url TEXT)`); err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, other} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []store.Options{{Address: path, ReadOnly: true}, {Address: path, Key: newKey(t)}} {
			if _, err := store.Open(t.Context(), o); err == nil || path == other && !errors.Is(err, store.ErrNoLedger) {
				t.Errorf("%s, for reading %v: %v", filepath.Base(path), o.ReadOnly, err)
			}
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s was changed (%v)", filepath.Base(path), err)
		}
	}
	if _, err := store.Open(t.Context(), store.Options{Address: filepath.Join(t.TempDir(), "none.db"), ReadOnly: true}); !errors.Is(err,
		fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestNewerTables: an older program does not write into a newer one's tables.
func TestNewerTables(t *testing.T) {
	e := newEvidence(t, 10)
	e.exec(t, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (77, 1)`)
	e.disconnect(t)
	l, err := store.Open(t.Context(), store.Options{Address: e.address, Key: e.key})
	if err == nil {
		_ = l.Close()
		t.Fatal("it was opened")
	}
	if !strings.Contains(err.Error(), "version 77") {
		t.Error(err)
	}
}
