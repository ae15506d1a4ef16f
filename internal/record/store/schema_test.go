package store_test

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// remade makes the entries' table anew with columns of any type, as one would
// who wants them to compare otherwise than they read.
func remade(t *testing.T, e *evidence, damage string) {
	t.Helper()
	e.statement(t, `CREATE TABLE other (idx, kind, version, time, source, id, name, target,
		signature, secret, extra, body_hash, body_size, leaf_hash, identity)`)
	e.statement(t, `INSERT INTO other SELECT * FROM entry`)
	e.exec(t, damage)
	e.statement(t, `DROP TABLE entry`)
	e.statement(t, `ALTER TABLE other RENAME TO entry`)
	e.statement(t, `CREATE UNIQUE INDEX entry_identity ON entry (identity)`)
	e.statement(t, `CREATE INDEX entry_time ON entry (time)`)
}

// TestSchemaOfSQLite: what is not a table of ours can give other answers to a
// question than to Verify, which then proves nothing.
func TestSchemaOfSQLite(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, *evidence){
		"a kind that equals no text": func(t *testing.T, e *evidence) {
			remade(t, e, `UPDATE other SET kind = CAST(kind AS BLOB) WHERE idx = 4`)
		},
		"a time that is later than all numbers": func(t *testing.T, e *evidence) {
			remade(t, e, `UPDATE other SET time = CAST(time AS TEXT) WHERE idx = 4`)
		},
		"an index that is larger than all numbers": func(t *testing.T, e *evidence) {
			remade(t, e, `UPDATE other SET idx = CAST(idx AS TEXT) WHERE idx = 9`)
		},
		"a view": func(t *testing.T, e *evidence) {
			e.statement(t, `ALTER TABLE entry RENAME TO hidden`)
			e.statement(t, `CREATE VIEW entry AS SELECT * FROM hidden`)
		},
		"a trigger": func(t *testing.T, e *evidence) {
			e.statement(t, `CREATE TRIGGER quiet AFTER INSERT ON body BEGIN DELETE FROM body WHERE idx = new.idx; END`)
		},
		"a kind that was put in while the table was not strict": func(t *testing.T, e *evidence) {
			e.statement(t, `PRAGMA writable_schema = 1`)
			e.exec(t, `UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'entry'`)
			e.statement(t, `PRAGMA writable_schema = reset`)
			e.exec(t, `UPDATE entry SET kind = CAST(kind AS BLOB) WHERE idx = 4`)
			e.statement(t, `PRAGMA writable_schema = 1`)
			e.exec(t, `UPDATE sqlite_schema SET sql = sql || ' STRICT' WHERE name = 'entry'`)
			e.statement(t, `PRAGMA writable_schema = reset`)
		},
		"no table of bodies": func(t *testing.T, e *evidence) { e.statement(t, `DROP TABLE body`) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvidence(t, 10)
			damage(t, e)
			e.disconnect(t)
			done := make(chan store.Verification, 1)
			go func() { done <- e.verify(t, store.VerifyOptions{Public: e.key.Public()}) }()
			select {
			case v := <-done:
				if v.OK() || !slices.ContainsFunc(v.Faults, func(f store.Fault) bool {
					return f.Kind == store.FaultSchema || f.Kind == store.FaultIndex
				}) {
					t.Errorf("faults: %v", v.Faults)
				}
			case <-time.After(time.Minute):
				t.Fatal("verify comes to no end")
			}
		})
	}
}

// TestStatisticsAreNoFault: ANALYZE changes no answer.
func TestStatisticsAreNoFault(t *testing.T) {
	e := newEvidence(t, 10)
	e.statement(t, `ANALYZE`)
	e.disconnect(t)
	if v := e.verify(t, store.VerifyOptions{Public: e.key.Public()}); !v.OK() {
		t.Errorf("faults: %v", v.Faults)
	}
}

// TestSchemaOfPostgreSQL: the same, where a table can also hide rows from some.
func TestSchemaOfPostgreSQL(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		if s.server == nil {
			return
		}
		for _, test := range []struct{ name, damage, undo, want string }{
			{"a trigger", `CREATE TRIGGER quiet BEFORE UPDATE ON entry FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
				`DROP TRIGGER quiet ON entry`, "trigger"},
			{"a rule", `CREATE RULE quiet AS ON INSERT TO body WHERE new.idx = 4711 DO INSTEAD NOTHING`, `DROP RULE quiet ON body`, "rule"},
			{"rows that some do not see", `ALTER TABLE entry ENABLE ROW LEVEL SECURITY`, `ALTER TABLE entry DISABLE ROW LEVEL SECURITY`,
				"row security"},
			{"a table that a crash empties", `ALTER TABLE node SET UNLOGGED`, `ALTER TABLE node SET LOGGED`, "table node"},
			{"a table that adds rows", `CREATE TABLE child () INHERITS (body)`, `DROP TABLE child`, "child"},
			{"another type", `ALTER TABLE entry ALTER COLUMN time TYPE numeric`, `ALTER TABLE entry ALTER COLUMN time TYPE bigint`, "entry.time"},
			{"an index for some rows only",
				`DROP INDEX entry_identity; CREATE UNIQUE INDEX entry_identity ON entry (identity) WHERE idx < 5`,
				`DROP INDEX entry_identity; CREATE UNIQUE INDEX entry_identity ON entry (identity)`, "entry_identity"},
		} {
			t.Run(test.name, func(t *testing.T) {
				e := s.evidence(t, 10)
				if v := e.verify(t, store.VerifyOptions{Public: e.key.Public()}); !v.OK() {
					t.Fatalf("faults before: %v", v.Faults)
				}
				e.statement(t, test.damage)
				v := e.verify(t, store.VerifyOptions{Public: e.key.Public()})
				e.statement(t, test.undo)
				if v.OK() || v.Faults[0].Kind != store.FaultSchema || !strings.Contains(v.Faults[0].Message, test.want) {
					t.Errorf("faults: %v", v.Faults)
				}
			})
		}
	})
}

// TestVerifyBeforeMigration: a ledger that the program before this one left is no
// altered one.
func TestVerifyBeforeMigration(t *testing.T) {
	e := newEvidence(t, 10)
	e.statement(t, `DROP INDEX entry_kind`)
	e.exec(t, `DELETE FROM goose_db_version WHERE version_id = 2`)
	e.disconnect(t)
	if v := e.verify(t, store.VerifyOptions{Public: e.key.Public()}); !v.OK() || !strings.Contains(strings.Join(v.Notes, "\n"), "entry_kind") {
		t.Errorf("%s, notes %q", messages(v), v.Notes)
	}
	l, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")); err != nil {
		t.Errorf("back up: %v", err)
	}
}

// TestMigrationIsTold: whoever opens a ledger is told what of its tables was changed.
func TestMigrationIsTold(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, 3)
		e.statement(t, `DROP INDEX entry_kind`)
		e.exec(t, `DELETE FROM goose_db_version WHERE version_id = 2`)
		e.disconnect(t)
		told := &lockedLog{}
		for range 2 { // the second time there is nothing to do
			l, err := store.Open(t.Context(), store.Options{Address: e.address, Key: e.key, Log: slog.New(slog.NewTextHandler(told, nil))})
			if err == nil {
				err = l.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if log := told.String(); strings.Count(log, "migrated") != 1 || !strings.Contains(log, "00002_kind.sql") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

// TestLedgerOfBefore: tables whose entries have no identity are refused in a sentence,
// and nothing is changed in them.
func TestLedgerOfBefore(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, 3)
		e.statement(t, `DROP INDEX entry_identity`)
		e.statement(t, `ALTER TABLE entry DROP COLUMN identity`)
		for _, o := range []store.Options{{ReadOnly: true}, {Key: e.key}} {
			o.Address = e.address
			l, err := store.Open(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), "before the first release") {
				t.Errorf("%v", err)
			}
			if err == nil {
				_ = l.Close()
			}
		}
	})
}
