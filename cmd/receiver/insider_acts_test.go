package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// act is one thing that an insider does.
type act struct {
	what       string
	statements []statement
	harmless   bool // verify need not find it
	appends    bool // it goes on with the tree
}

type statement struct {
	text string
	args []any
}

func (in *insider) apply(all []statement) error {
	for _, s := range all {
		if _, err := in.db.Exec(s.text, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// keys are the columns that name a row of each table.
var keys = map[string][]string{"entry": {"idx"}, "body": {"idx"}, "node": {"level", "n"}, "head": {"one"}}

// each reads all rows of a table.
func (in *insider) each(t *testing.T, table string, see func(columns []string, row []any)) {
	t.Helper()
	rows, err := in.db.Query(`SELECT * FROM ` + table + ` ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		see(columns, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// rowOf is the condition that names a row; its arguments begin with number from.
func rowOf(table string, row []any, from int) (text string, args []any) {
	for i, key := range keys[table] {
		text += fmt.Sprintf(" AND %s = $%d", key, from+i)
		args = append(args, row[i])
	}
	return `1 = 1` + text, args
}

// cells change one value of one row.
func (in *insider) cells(t *testing.T) (all []act) {
	for _, table := range tables {
		var before []any
		in.each(t, table, func(columns []string, row []any) {
			for i, column := range columns {
				for _, value := range others(column, row[i]) {
					where, args := rowOf(table, row, 2)
					all = append(all, act{
						what:       fmt.Sprintf("%s.%s of %v: %v", table, column, row[0], value),
						statements: []statement{{`UPDATE ` + table + ` SET ` + column + ` = $1 WHERE ` + where, append([]any{value}, args...)}},
						harmless:   column == "checkpoint_time",
					})
				}
				if before != nil && i >= len(keys[table]) && fmt.Sprint(before[i]) != fmt.Sprint(row[i]) {
					where, args := rowOf(table, row, 2)
					all = append(all, act{
						what:       fmt.Sprintf("%s.%s of %v: the one of the row before", table, column, row[0]),
						statements: []statement{{`UPDATE ` + table + ` SET ` + column + ` = $1 WHERE ` + where, append([]any{before[i]}, args...)}},
					})
				}
			}
			before = row
		})
	}
	return all
}

// others are values that somebody could put into another's place.
func others(column string, value any) []any {
	switch v := value.(type) {
	case int64:
		if column == "time" {
			const month = int64(30 * 24 * time.Hour / time.Microsecond)
			return []any{v - month, v + month}
		}
		return []any{v + 1}
	case string:
		if column == "kind" {
			return slices.DeleteFunc([]any{"delivery", "erasure", "rotation", "observation", "x"}, func(kind any) bool { return kind == value })
		}
		return []any{v + "x"}
	case []byte:
		flipped := append(slices.Clone(v), 0)
		if len(v) > 0 {
			flipped = flipped[:len(v)]
			flipped[len(v)/2] ^= 1
		}
		return []any{flipped}
	case nil: // body.same
		return []any{int64(0)}
	}
	return nil
}

// identityOf is what an entry is looked up by.
func identityOf(e ledger.Entry) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%s\n%s", e.Kind, e.Source, e.ID, e.Name, e.Target, e.BodyHash[:]))
	return append([]byte((e.ID + strings.Repeat("\x00", 8))[:8]), sum[:16]...)
}

// rows delete, insert and exchange rows.
func (in *insider) rows(t *testing.T) (all []act) {
	for _, table := range tables {
		var before []any
		in.each(t, table, func(columns []string, row []any) {
			where, args := rowOf(table, row, 1)
			all = append(all, act{what: fmt.Sprintf("%s: without %v", table, row[0]),
				statements: []statement{{`DELETE FROM ` + table + ` WHERE ` + where, args}}})
			if table != "entry" && table != "body" {
				return
			}
			insert := fmt.Sprintf(`INSERT INTO %s SELECT 12345, %s FROM %s WHERE idx = $1`, table, strings.Join(columns[1:], ", "), table)
			if table == "entry" { // its identity is unique
				insert = strings.Replace(insert, " id, name", " 'guid-new', name", 1)
				insert = strings.Replace(insert, " identity", " substr(identity, 2)", 1)
			}
			all = append(all, act{what: fmt.Sprintf("%s: %v once more", table, row[0]), statements: []statement{{insert, row[:1]}}})
			if before != nil {
				all = append(all, act{what: fmt.Sprintf("%s: %v and %v exchanged", table, before[0], row[0]),
					statements: exchange(table, before[0], row[0])})
				if table == "entry" {
					all = append(all, act{what: fmt.Sprintf("%v and %v exchanged with their bodies", before[0], row[0]),
						statements: slices.Concat(exchange("entry", before[0], row[0]), exchange("body", before[0], row[0]))})
				}
			}
			before = row
		})
	}
	return all
}

func exchange(table string, a, b any) []statement {
	const text = `UPDATE %s SET idx = $1 WHERE idx = $2`
	return []statement{
		{fmt.Sprintf(text, table), []any{-7, a}}, {fmt.Sprintf(text, table), []any{a, b}}, {fmt.Sprintf(text, table), []any{b, -7}},
	}
}

// copies put older tables into the place of newer ones.
func (in *insider) copies(older string) (all []act) {
	for _, only := range [][]string{{"entry"}, {"body"}, {"head"}, {"entry", "body"}, {"entry", "head"}, {"body", "head"}} {
		all = append(all, act{what: fmt.Sprintf("an older copy of %v", only), statements: in.putBack(older, only...)})
	}
	return all
}

// appended adds entries as the program does, with all hashes, and without the key.
func (in *insider) appended(t *testing.T) (all []act) {
	var size int64
	var stored []byte
	if err := in.db.QueryRow(`SELECT size, frontier FROM head`).Scan(&size, &stored); err != nil {
		t.Fatal(err)
	}
	erased, err := json.Marshal(ledger.Erased{Before: now(), Entries: []ledger.ErasedEntry{{Index: 4, Leaf: strings.Repeat("0", 64),
		Kept: json.RawMessage(`{"event":"push"}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	forged, forgedBody, err := rotation.Record{Step: rotation.Stored, Time: now(), By: "eve", Server: "x",
		Repositories: []string{"acme/fleet"}, New: "EVE", Expires: now().Add(24 * time.Hour)}.Entry()
	if err != nil {
		t.Fatal(err)
	}
	looked, lookedBody, err := lookedAt(109)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		entry ledger.Entry
		body  []byte
	}{
		{looked, lookedBody},
		{ledger.Entry{Kind: ledger.Delivery, Time: now(), Source: "1", ID: "forged", Name: "push", Target: "repository/1"}, pushBody(77)},
		{ledger.Entry{Kind: ledger.Erasure, Time: now(), ID: "4-4", Name: "bodies"}, erased},
		{forged, forgedBody},
	} {
		e := c.entry
		e.Version, e.BodyHash, e.BodySize = 1, sha256.Sum256(c.body), int64(len(c.body))
		f, err := ledger.ParseFrontier(bytes.Clone(stored))
		if err != nil {
			t.Fatal(err)
		}
		leaf := e.Hash()
		f.Append(leaf)
		all = append(all, act{what: fmt.Sprintf("a %s appended", e.Kind), appends: true, statements: []statement{
			{`INSERT INTO entry (idx, kind, version, time, source, id, name, target, signature, secret, extra, body_hash, body_size, leaf_hash,
				identity) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $11, '', '', $8, $9, $10, $12)`,
				[]any{size, string(e.Kind), e.Time.UnixMicro(), e.Source, e.ID, e.Name, e.Target, e.BodyHash[:], e.BodySize, leaf[:],
					[]byte{}, identityOf(e)}},
			{`INSERT INTO body (idx, encoding, data) VALUES ($1, 'raw', $2)`, []any{size, c.body}},
			{`UPDATE head SET size = $1, frontier = $2`, []any{f.Size(), f.AppendBinary(nil)}},
		}})
	}
	return all
}
