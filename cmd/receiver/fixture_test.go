package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// fixtures are what the first version wrote, for every later one to read. Their key is
// made out of nothing secret. What was released stays as it is, and another form gets a
// folder of its own; -update writes only what is told of them.
const fixtures = "../../internal/record/store/testdata/fixtures/v1"

var makeAgain = flag.Bool("fixtures", false, "make the ledgers of the fixtures anew, for a form that was never released")

func fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(fixtures, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFixture(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(fixtures, name), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// fixtureKey is the key of the fixtures: always the same.
func fixtureKey(t *testing.T) ledger.Key {
	t.Helper()
	const name = "fixture-v1"
	seed := sha256.Sum256([]byte(name))
	public, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(public, "+")[1]
	key, err := ledger.ParseKey(secret.New(strings.Join([]string{"PRIVATE", "KEY", name, hash,
		base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))}, "+")))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// fill appends one of everything: deliveries to two webhooks, of which one comes twice,
// one is of a person and one of an event that nobody expects, the steps of a rotation,
// what GitHub's log has of our answers, and an erasure.
func fill(t *testing.T, l *store.Ledger, began time.Time) {
	t.Helper()
	ctx, at := t.Context(), began
	deliver := func(hook, guid, event, body string) ledger.Receipt {
		at = at.Add(time.Hour)
		sum := sha256.Sum256([]byte(body)) // in place of a signature, which nobody checks here
		r, err := l.Append(ctx, ledger.Entry{Kind: ledger.Delivery, Version: 1, Time: at, Source: hook, ID: guid, Name: event,
			Target: "repository/1", Signature: hex.EncodeToString(sum[:]), Secret: "0a1b2c3d"}, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	sender := func(login string, id int) string {
		return fmt.Sprintf(`"repository":{"id":1,"full_name":"acme/fleet"},"sender":{"login":%q,"id":%d,"type":"User"}`, login, id)
	}
	push := func(n int, ref, login string, id int) string {
		return fmt.Sprintf(`{"ref":%q,"before":"%040d","after":"%040d",%s,"pusher":{"name":%q}}`, ref, n, n+1, sender(login, id), login)
	}
	var told []audit.Receipt
	for n, d := range [][4]string{
		{"77", "72d3162e-cc78-11e3-81ab-4c9367dc0958", "push", push(0, "refs/heads/flux-image-updates", "acme-flux", 123456)},
		{"78", "72d3162e-cc78-11e3-81ab-4c9367dc0958", "push", push(0, "refs/heads/flux-image-updates", "acme-flux", 123456)},
		{"77", "72d3162e-cc78-11e3-81ab-4c9367dc0958", "push", push(0, "refs/heads/flux-image-updates", "acme-flux", 123456)},
		{"77", "00000000-0000-11f0-8000-000000000001", "push", push(1, "refs/heads/main", "ada", 8)},
		{"77", "00000000-0000-11f0-8000-000000000002", "push", push(2, "refs/heads/main", "acme-flux", 123456)},
		{"77", "00000000-0000-11f0-8000-000000000003", "member",
			`{"action":"added","member":{"login":"eve","id":9},` + sender("acme-flux", 123456) + `}`},
		{"77", "00000000-0000-11f0-8000-000000000004", "issues", `no JSON, "` + strings.Repeat("long ", 100)},
		{"77", "00000000-0000-11f0-8000-000000000005", "ping", `{"zen":"Ünïcode \u0000",` + sender("ada", 8) + `}`},
	} {
		r := deliver(d[0], d[1], d[2], d[3])
		id := r.Hash()
		told = append(told, audit.Receipt{Hook: 77, Attempt: int64(1000 + n), Held: true, GUID: r.ID, Time: r.Time,
			ID: hex.EncodeToString(id[:])})
	}
	told = append(told, audit.Receipt{Hook: 77, Attempt: 2000},
		audit.Receipt{Hook: 77, Attempt: 2001, GUID: "removed", Time: at, ID: strings.Repeat("0", 64)})
	for _, step := range []rotation.Step{rotation.Started, rotation.Stored} {
		at = at.Add(time.Hour)
		r := rotation.Record{Step: step, Time: at, By: "ada", Server: "https://api.github.com/", Repositories: []string{"acme/fleet"},
			Old: "OLD", New: "NEW", Expires: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
		if err := r.Keep(ctx, l.Keep); err != nil {
			t.Fatal(err)
		}
	}
	seen, body, err := audit.RecordReceipts(at.Add(time.Hour), told)
	if err == nil {
		_, err = l.Append(ctx, seen, body)
	}
	if err == nil {
		_, err = l.Erase(ctx, began.Add(6*time.Hour), audit.Keep)
	}
	if err != nil {
		t.Fatal(err)
	}
	deliver("77", "00000000-0000-11f0-8000-000000000006", "push", push(3, "refs/heads/flux-image-updates", "acme-flux", 123456))
}

// makeFixtures writes them anew.
func makeFixtures(t *testing.T, server *postgrestest.Server) {
	t.Helper()
	began := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	file := filepath.Join(t.TempDir(), "ledger.db")
	for _, address := range []string{file, server.Create(t, "made")} {
		l, err := store.Open(t.Context(), store.Options{Address: address, Key: fixtureKey(t),
			Now: func() time.Time { return began.AddDate(0, 0, 20) }})
		if err != nil {
			t.Fatal(err)
		}
		fill(t, l, began)
		var export bytes.Buffer
		if err := l.Export(t.Context(), &export); err != nil {
			t.Fatal(err)
		}
		signed, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		writeFixture(t, "export.jsonl", export.Bytes()) // both engines have the same
		writeFixture(t, "checkpoint", signed)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	writeFixture(t, "key.pub", []byte(fixtureKey(t).Public()+"\n"))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	writeFixture(t, "ledger.db.gz", packed.Bytes())
	dump, err := exec.CommandContext(t.Context(), "pg_dump", "--inserts", "--no-owner", "--no-privileges", server.DSN("made")).Output()
	if err != nil {
		t.Fatal(err)
	}
	// What is for psql, or of this server's version, is not of the ledger.
	writeFixture(t, "postgres.sql", regexp.MustCompile(`(?m)^(\\.*|SET .*|--.*|)\n`).ReplaceAll(dump, nil))
}

// TestFixtures: what an earlier version wrote is read, and added to.
func TestFixtures(t *testing.T) {
	server := postgrestest.Shared(t)
	if *makeAgain {
		makeFixtures(t, server)
	}
	file := filepath.Join(t.TempDir(), "ledger.db")
	packed, err := gzip.NewReader(strings.NewReader(fixture(t, "ledger.db.gz")))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(packed)
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	address := server.Create(t, "fixture")
	db, err := pgx.Connect(t.Context(), address)
	if err == nil {
		_, err = db.PgConn().Exec(t.Context(), fixture(t, "postgres.sql")).ReadAll()
	}
	if err == nil {
		err = db.Close(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	imported := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(imported+".key", []byte(fixtureKey(t).Private().Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _ := told(t, "import", "--ledger", imported, filepath.Join(fixtures, "export.jsonl")); status != console.StatusPass {
		t.Fatalf("import: status %d", status)
	}
	for engine, address := range map[string]string{"SQLite": file, "PostgreSQL": address, "export": imported} {
		t.Run(engine, func(t *testing.T) { testFixture(t, address) })
	}
}

func testFixture(t *testing.T, address string) {
	for _, c := range []struct {
		file   string // what is told; empty for anything
		status int
		args   []string
	}{
		{"export.jsonl", console.StatusPass, []string{"export"}},
		{"list.txt", console.StatusPass, []string{"list"}},
		{"report.csv", console.StatusFail, []string{"report", "--policy", filepath.Join(fixtures, "policy.yaml"), "--since", "36500d",
			"--format", "csv", "--public-key", filepath.Join(fixtures, "key.pub")}},
		{"", console.StatusPass, []string{"verify", "--checkpoint", filepath.Join(fixtures, "checkpoint"),
			"--public-key", filepath.Join(fixtures, "key.pub")}},
	} {
		status, out := told(t, append(c.args, "--ledger", address)...)
		if status != c.status {
			t.Errorf("%s: status %d\n%s", c.args[0], status, out)
		}
		if *update && c.file != "" && c.args[0] != "export" {
			writeFixture(t, c.file, []byte(out))
		}
		if c.file != "" {
			if diff := cmp.Diff(fixture(t, c.file), out); diff != "" {
				t.Errorf("%s: %s", c.args[0], diff)
			}
		}
	}
	l, err := store.Open(t.Context(), store.Options{Address: address, Key: fixtureKey(t), Seen: []byte(fixture(t, "checkpoint"))})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	delivered(t, l, "later", "acme/fleet", "")
	if v, err := l.Verify(t.Context(), store.VerifyOptions{Against: []byte(fixture(t, "checkpoint"))}); err != nil || !v.OK() {
		t.Errorf("with one entry more: %v, %+v", err, v)
	}
}
