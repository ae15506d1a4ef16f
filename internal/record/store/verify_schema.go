package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
)

// schema holds the tables against those that this program makes. Whoever can
// write to the database can also give it tables in which a row compares
// otherwise than it reads, views, triggers and rules: then a question could get
// another answer than Verify does.
func (v *verifier) schema() error {
	want, query := postgresSchema, postgresSchemaQuery
	if v.sqlite {
		var err error
		if want, err = sqliteSchema(v.ctx); err != nil {
			return err
		}
		query = sqliteSchemaQuery
	}
	got, err := texts(v.ctx, v.tx, query)
	if err != nil {
		return err
	}
	for _, side := range []struct {
		has, lacks []string
		missing    bool
		message    string
	}{
		{got, want, false, "the database has what this program does not make: %q"},
		{want, got, true, "the database lacks what this program makes: %q"},
	} {
		for _, line := range side.has {
			switch {
			case slices.Contains(side.lacks, line):
			case side.missing && onlySpeeds(line):
				v.out.Notes = append(v.out.Notes, fmt.Sprintf("the database lacks the index that a migration makes: %q", line))
			default:
				v.fault(-1, FaultSchema, side.message, line)
				v.odd = true
			}
		}
	}
	return nil
}

// onlySpeeds says of an index that no answer is another one without it, as in a
// ledger that no receiver has migrated yet.
func onlySpeeds(line string) bool {
	return strings.HasPrefix(line, "index ") && (strings.Contains(line, ": CREATE INDEX") || strings.Contains(line, "USING btree")) &&
		!strings.Contains(line, " unique ")
}

// sqliteSchemaQuery leaves out what ANALYZE makes, which changes no answer.
const sqliteSchemaQuery = `SELECT type || ' ' || name || ' of ' || tbl_name || ': ' || coalesce(sql, '') FROM sqlite_schema
WHERE name NOT LIKE 'sqlite\_stat%' ESCAPE '\' ORDER BY 1`

// sqliteSchema is what the migrations make of an empty database.
func sqliteSchema(ctx context.Context) ([]string, error) {
	files, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection would have a memory of its own
	if err := up(ctx, db, files, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	return texts(ctx, db, sqliteSchemaQuery)
}

// texts reads all that a query of one column of text gives.
func texts(ctx context.Context, q querier, query string) ([]string, error) {
	var all []string
	err := each(ctx, q, func(rows *sql.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		all = append(all, text)
		return nil
	}, query)
	return all, err
}

// postgresSchemaQuery tells of the tables as a session finds them. Constraints
// that only keep rows out are left out: they hide nothing.
const postgresSchemaQuery = `WITH t AS (SELECT c.* FROM pg_catalog.pg_class c
	WHERE c.oid IN (to_regclass('entry'), to_regclass('body'), to_regclass('node'), to_regclass('head')))
SELECT 'table ' || relname || ' ' || relkind::text || relpersistence::text
	|| CASE WHEN relrowsecurity THEN ' with row security' ELSE '' END FROM t
UNION ALL SELECT 'column ' || t.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
	|| coalesce(' ' || o.collname, '')
	|| CASE WHEN a.attnotnull THEN '' ELSE ' or null' END || CASE WHEN a.attgenerated = '' THEN '' ELSE ' generated' END
	FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation
	WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT 'index ' || i.relname || ' of ' || t.relname || CASE WHEN x.indisunique THEN ' unique' ELSE '' END
	|| CASE WHEN x.indisvalid THEN '' ELSE ' not valid' END || substring(pg_get_indexdef(x.indexrelid) FROM ' USING .*')
	FROM t JOIN pg_catalog.pg_index x ON x.indrelid = t.oid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
UNION ALL SELECT 'trigger ' || g.tgname || ' of ' || t.relname FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid
	WHERE NOT g.tgisinternal
UNION ALL SELECT 'rule ' || r.rulename || ' of ' || t.relname FROM t JOIN pg_catalog.pg_rewrite r ON r.ev_class = t.oid
UNION ALL SELECT 'foreign key ' || k.conname || ' of ' || t.relname FROM t JOIN pg_catalog.pg_constraint k
	ON t.oid IN (k.conrelid, k.confrelid) WHERE k.contype = 'f'
UNION ALL SELECT 'child or parent of ' || t.relname FROM t JOIN pg_catalog.pg_inherits h ON t.oid IN (h.inhparent, h.inhrelid)
ORDER BY 1`

// postgresSchema is what the migrations make.
var postgresSchema = []string{
	`table entry rp`, `table body rp`, `table node rp`, `table head rp`,
	`column entry.idx bigint`, `column entry.kind text C`, `column entry.version bigint`, `column entry.signature bytea`,
	`column entry.secret text C`, `column entry.extra text C`, `column entry.time bigint`, `column entry.source text C`,
	`column entry.id text C`,
	`column entry.name text C`, `column entry.target text C`, `column entry.body_hash bytea`, `column entry.body_size bigint`,
	`column entry.leaf_hash bytea`, `column entry.identity bytea`,
	`column body.idx bigint`, `column body.same bigint or null`, `column body.encoding text C`,
	`column body.data bytea`,
	`column node.level integer`, `column node.n bigint`, `column node.hash bytea`, `column node.leaves text C or null`,
	`column head.one integer`, `column head.size bigint`, `column head.frontier bytea`, `column head.public_key text default`,
	`column head.checkpoint bytea`, `column head.checkpoint_time bigint`,
	`index entry_pkey of entry unique USING btree (idx)`,
	`index entry_identity of entry unique USING btree (identity)`,
	"index entry_kind of entry USING btree (kind, idx) WHERE (kind <> 'delivery'::text)",
	`index entry_time of entry USING btree ("time")`,
	`index body_pkey of body unique USING btree (idx)`,
	`index body_same of body USING btree (same, idx) WHERE (same IS NOT NULL)`, `index node_pkey of node unique USING btree (level, n)`,
	`index head_pkey of head unique USING btree (one)`,
}
