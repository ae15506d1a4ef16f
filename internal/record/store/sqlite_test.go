package store

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

// TestSettingsAreReadBack: a connection that does not sync with every commit, or
// has no write-ahead log, is refused, whoever set it so.
func TestSettingsAreReadBack(t *testing.T) {
	for _, c := range []struct{ pragmas, refused string }{
		{"_pragma=journal_mode(wal)&_pragma=synchronous(full)", ""},
		{"_pragma=journal_mode(wal)&_pragma=synchronous(normal)", "synchronous"},
		{"_pragma=journal_mode(wal)&_pragma=synchronous(off)", "synchronous"},
		{"_pragma=synchronous(full)", "journal_mode"},
	} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "ledger.db")+"?"+c.pragmas)
		if err != nil {
			t.Fatal(err)
		}
		w := &sqliteWriter{db: db}
		if w.conn, err = db.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
		err = w.check(t.Context())
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v", c.pragmas, err)
		}
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}
}
