package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// insider has the database of a ledger, and not its key.
type insider struct {
	address string
	server  bool
	db      *sql.DB
	key     ledger.Key
	args    []string // of the report but for GitHub's address
	honest  string   // what the report prints of the untouched ledger
	keyFile string
	log     deliveryLog
	url     string // of GitHub
}

// deliveryLog is what GitHub keeps: deliveries, the latest first, and our answers.
type deliveryLog struct {
	lines   []string
	answers map[string]string // by the attempt's number
}

var tables = []string{"entry", "body", "node", "head"}

// TestInsider: whoever can write to the database, and has not the key, makes every
// single change. A report that still passes prints what it printed before.
func TestInsider(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		testInsider(t, &insider{address: filepath.Join(t.TempDir(), "ledger.db")})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		testInsider(t, &insider{address: postgrestest.Shared(t).Create(t, "insider"), server: true})
	})
}

func testInsider(t *testing.T, in *insider) {
	older, seen := in.record(t)
	in.url = githubOf(t, in.log)
	honest := in.save(t, "honest")
	status, out := in.report(t)
	if status != console.StatusPass {
		t.Fatalf("status %d of the untouched ledger: %s", status, out)
	}
	in.honest = out
	if status := in.verify(t, seen); status != console.StatusPass {
		t.Fatalf("verify ends with %d on the untouched ledger", status)
	}
	changes := slices.Concat(in.cells(t), in.rows(t), in.copies(older), in.appended(t))
	passed := 0
	for i, c := range changes {
		if in.server && i%4 != 0 && !c.appends { // it takes long, and the program is the same
			continue
		}
		in.restore(t, honest)
		if err := in.apply(c.statements); err != nil {
			continue // two rows would have one key
		}
		switch status, out := in.report(t); {
		case status == console.StatusPass && out != in.honest:
			t.Errorf("%s: the report passes, and says something else:\n%s", c.what, out)
		case status == console.StatusPass:
			passed++
		case status == console.StatusUsage:
			t.Errorf("%s: the report ends with 2", c.what)
		}
		if status := in.verify(t, ""); status == console.StatusPass && !c.harmless {
			t.Errorf("%s: verify passes", c.what)
		}
		if !c.appends {
			continue
		}
		l, err := store.Open(t.Context(), store.Options{Address: in.address, Key: in.key})
		if !errors.Is(err, store.ErrRewritten) {
			t.Errorf("%s: a receiver starts: %v", c.what, err)
		}
		if err == nil {
			_ = l.Close()
		}
	}
	t.Logf("%d changes, of which %d change nothing that the report prints", len(changes), passed)
	if len(changes) < 400 || passed > len(changes)/2 {
		t.Errorf("%d changes, %d passed", len(changes), passed)
	}

	in.restore(t, older)
	in.older(t, seen)
}

// older: an older copy of all is a ledger. What came in since is missing, until GitHub
// has sent it again; from then on a checkpoint kept elsewhere shows it, or our answers
// in GitHub's log, and nothing else.
func (in *insider) older(t *testing.T, seen string) {
	if status, out := in.report(t); status != console.StatusFail || !strings.Contains(out, "delivery/missing") ||
		!strings.Contains(out, "delivery/removed") {
		t.Errorf("the report of an older copy: %d\n%s", status, out)
	}
	l := in.open(t)
	for n := 5; n < 10; n++ {
		in.deliver(t, l, n, now())
	}
	in.close(t, l)
	if status := in.verify(t, ""); status != console.StatusPass {
		t.Errorf("verify of an older copy: %d", status)
	}
	if status := in.verify(t, seen); status != console.StatusFail {
		t.Errorf("verify of an older copy against a checkpoint: %d", status)
	}
	in.url = githubOf(t, deliveryLog{lines: in.log.lines})
	if status, out := in.report(t); status != console.StatusPass {
		t.Errorf("the report of an older copy without our answers: %d\n%s", status, out)
	}
	in.url = githubOf(t, in.log)
	if status, out := in.report(t); status != console.StatusFail || strings.Contains(out, "delivery/missing") ||
		strings.Count(out, `"kind":"removed"`) != 5 {
		t.Errorf("the report of an older copy with our answers: %d\n%s", status, out)
	}
}

// open opens the ledger as a receiver does.
func (in *insider) open(t *testing.T) *store.Ledger {
	t.Helper()
	s := signed{where: where{in.address}, SigningKeyFile: in.keyFile}
	l, err := s.open(t.Context(), store.Options{})
	if err == nil {
		in.key, err = s.key(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// deliver keeps a delivery, or the same once more, and has it in GitHub's log.
func (in *insider) deliver(t *testing.T, l *store.Ledger, n int, at time.Time) {
	t.Helper()
	e := ledger.Entry{Kind: ledger.Delivery, Time: at, Source: "1", ID: fmt.Sprintf("guid-%02d", n), Name: "push", Target: "repository/1"}
	r, err := l.Append(t.Context(), e, pushBody(n))
	if err != nil {
		t.Fatal(err)
	}
	if n%3 == 0 { // another webhook is told of it, too: its body is kept once
		e.Source = "2"
		if _, err := l.Append(t.Context(), e, pushBody(n)); err != nil {
			t.Fatal(err)
		}
	}
	id, attempt := r.Hash(), 100+len(in.log.lines)
	in.log.lines = append([]string{fmt.Sprintf(`{"id":%d,"guid":%q,"delivered_at":%q,"status":"OK","status_code":202,"event":"push",`+
		`"repository_id":1,"redelivery":%t}`, attempt, e.ID, at.Format(time.RFC3339), attempt > 109)}, in.log.lines...)
	in.log.answers[fmt.Sprint(attempt)] = fmt.Sprintf(`{"id":"%x","guid":%q}`+"\n", id[:], e.ID)
}

// record keeps a ledger by two receivers: deliveries before and in the window, of
// which some are erased, and a rotation. It gives a copy from the middle, and a file
// with the last checkpoint.
func (in *insider) record(t *testing.T) (older, seen string) {
	t.Helper()
	in.keyFile, in.log.answers = filepath.Join(t.TempDir(), "key"), map[string]string{}
	now := now()
	both := [2]*store.Ledger{in.open(t), in.open(t)}
	for n, ago := range []time.Duration{60 * time.Hour, 50 * time.Hour, 20 * time.Hour, 18 * time.Hour, 16 * time.Hour} {
		in.deliver(t, both[n%2], n, now.Add(-ago))
	}
	for _, step := range []rotation.Step{rotation.Started, rotation.Stored} {
		r := rotation.Record{Step: step, Time: now.Add(-15 * time.Hour), By: "ada", Server: "x", Repositories: []string{"acme/fleet"}, New: "NEW",
			Expires: now.Add(80 * 24 * time.Hour)}
		if err := r.Keep(t.Context(), both[1].Keep); err != nil {
			t.Fatal(err)
		}
	}
	in.close(t, both[:]...)
	in.connect(t)
	older = in.save(t, "older")
	both = [2]*store.Ledger{in.open(t), in.open(t)}
	for n, ago := range []time.Duration{14 * time.Hour, 12 * time.Hour, 3 * time.Hour, 2 * time.Hour} {
		in.deliver(t, both[n%2], 5+n, now.Add(-ago))
	}
	in.observe(t, both[0], 105, 106)
	if _, err := both[0].Erase(t.Context(), now.Add(-17*time.Hour), audit.Keep); err != nil {
		t.Fatal(err)
	}
	in.deliver(t, both[1], 9, now.Add(-time.Hour))
	signed, err := both[1].Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.close(t, both[:]...)
	dir := t.TempDir()
	seen = filepath.Join(dir, "seen")
	policy := "version: 1\nbots: [{name: fluxbot, login: fluxbot, id: 7}]\nuses: {repositories: [acme/fleet]}\n"
	if err := errors.Join(os.WriteFile(seen, signed, 0o600), os.WriteFile(filepath.Join(dir, "policy"), []byte(policy), 0o600)); err != nil {
		t.Fatal(err)
	}
	in.args = []string{"report", "--ledger", in.address, "--policy", filepath.Join(dir, "policy"), "--format", "json", "--since", "1d",
		"--repo", "acme/fleet", "--public-key", in.key.Public()}
	return older, seen
}

// observe puts on record that our answers to attempts were looked at.
func (in *insider) observe(t *testing.T, l *store.Ledger, attempts ...int64) {
	t.Helper()
	e, body, err := lookedAt(attempts...)
	if err == nil {
		_, err = l.Append(t.Context(), e, body)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lookedAt is the entry for attempts at webhook 1, all well.
func lookedAt(attempts ...int64) (ledger.Entry, []byte, error) {
	var all []audit.Receipt
	for _, attempt := range attempts {
		all = append(all, audit.Receipt{Hook: 1, Attempt: attempt, Held: true})
	}
	return audit.RecordReceipts(now(), all)
}

func (in *insider) close(t *testing.T, all ...*store.Ledger) {
	t.Helper()
	for _, l := range all {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// pushBody is a push of the bot's to its branch.
func pushBody(n int) []byte {
	return fmt.Appendf(nil, `{"ref":"refs/heads/flux-image-updates","before":"%040d","after":"%040d","repository":{"id":1,"full_name":`+
		`"acme/fleet"},"pusher":{"name":"fluxbot"},"sender":{"login":"fluxbot","id":7,"type":"User"}}`, n, n+1)
}

// githubOf is a GitHub that keeps these deliveries.
func githubOf(t *testing.T, log deliveryLog) string {
	t.Helper()
	log.answers = maps.Clone(log.answers)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer := `{"id":1,"full_name":"acme/fleet"}`
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/activity"):
			answer = `[]`
		case strings.HasSuffix(path, "/hooks"):
			answer = `[{"id":1,"active":true,"events":["*"],"config":{"url":"https://x/webhooks/github"},"created_at":"2026-01-01T00:00:00Z"}]`
		case strings.HasSuffix(path, "/deliveries"):
			answer = "[" + strings.Join(log.lines, ",") + "]"
		case strings.Contains(path, "/deliveries/"):
			payload, err := json.Marshal(log.answers[filepath.Base(path)])
			if err != nil {
				t.Error(err)
			}
			answer = fmt.Sprintf(`{"url":"https://x/webhooks/github","response":{"payload":%s}}`, payload)
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(hub.Close)
	return hub.URL
}

// report gives the exit status, and what is printed but for the window's ends.
func (in *insider) report(t *testing.T) (int, string) {
	t.Helper()
	status, out := told(t, append(slices.Clone(in.args), "--api-url", in.url)...)
	var document map[string]any
	if json.Unmarshal([]byte(out), &document) != nil {
		return status, out
	}
	delete(document, "from")
	delete(document, "to")
	if complete, ok := document["completeness"].(map[string]any); ok {
		delete(complete, "from")
		delete(complete, "to")
	}
	short, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return status, string(short)
}

func (in *insider) verify(t *testing.T, seen string) int {
	t.Helper()
	args := []string{"verify", "--ledger", in.address, "--public-key", in.key.Public(), "--format", "json"}
	if seen != "" {
		args = append(args, "--checkpoint", seen)
	}
	status, _ := told(t, args...)
	return status
}

// connect opens a connection that keeps no promise of the ledger's own.
func (in *insider) connect(t *testing.T) {
	t.Helper()
	driver, address := "sqlite", "file:"+in.address+"?_pragma=ignore_check_constraints(1)&_pragma=synchronous(off)"
	if in.server {
		driver, address = "pgx", in.address
	}
	var err error
	if in.db, err = sql.Open(driver, address); err != nil {
		t.Fatal(err)
	}
	in.db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = in.db.Close() })
}

func (in *insider) exec(t *testing.T, text string) {
	t.Helper()
	if _, err := in.db.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// save copies the ledger.
func (in *insider) save(t *testing.T, name string) string {
	t.Helper()
	if !in.server {
		name = filepath.Join(t.TempDir(), name)
		in.exec(t, `VACUUM INTO '`+name+`'`)
		return name
	}
	in.exec(t, `CREATE SCHEMA `+name)
	for _, table := range tables {
		in.exec(t, fmt.Sprintf(`CREATE TABLE %s.%s AS TABLE public.%s`, name, table, table))
	}
	return name
}

// restore puts a copy's rows into the ledger, of all tables or of these.
func (in *insider) restore(t *testing.T, name string) {
	t.Helper()
	if err := in.apply(in.putBack(name, tables...)); err != nil {
		t.Fatal(err)
	}
}

// putBack are the statements that put back a copy of tables.
func (in *insider) putBack(name string, only ...string) (all []statement) {
	own, other := "public.", name+"."
	if !in.server {
		own, other = "main.", "copy."
		all = append(all, statement{`ATTACH '` + name + `' AS copy`, nil})
	}
	for _, table := range only {
		all = append(all, statement{`DELETE FROM ` + own + table, nil},
			statement{`INSERT INTO ` + own + table + ` SELECT * FROM ` + other + table, nil})
	}
	if !in.server {
		all = append(all, statement{`DETACH copy`, nil})
	}
	return all
}
