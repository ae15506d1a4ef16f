package main

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/knownfail"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// pushed makes a ledger of the bot's pushes to these branches.
func pushed(t *testing.T, name string, branches ...string) {
	t.Helper()
	l, err := signed{where: where{name}}.open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, branch := range branches {
		e := ledger.Entry{
			Kind: ledger.Delivery, Time: time.Now().UTC().Truncate(time.Microsecond),
			Source: "4711", ID: fmt.Sprintf("guid-%d", i), Name: "push", Target: "repository/1",
		}
		body := fmt.Sprintf(`{"ref":"refs/heads/%s","before":"%040d","after":"%040d","repository":{"id":1,"full_name":"acme/fleet"},`+
			`"pusher":{"name":"fluxbot"},"sender":{"login":"fluxbot","id":7,"type":"User"}}`, branch, i, i+1)
		if _, err := l.Append(t.Context(), e, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// reported asks for the report of a ledger.
func reported(t testing.TB, name string, args ...string) (status int, out string) {
	t.Helper()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	text := "version: 1\nbots: [{name: fluxbot, login: fluxbot, id: 7}]\nuses: {repositories: [acme/fleet]}\n"
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	status = watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: &b, Stderr: &b},
		append([]string{"report", "--ledger", name, "--policy", policy}, args...))
	return status, b.String()
}

// TestReportWithoutABody: a body that somebody took away is a gap, and the uses
// that can be read are told.
func TestReportWithoutABody(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ledger.db")
	pushed(t, name, "flux-image-updates", "flux-image-updates")
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`DELETE FROM body WHERE idx = 0`); err != nil {
		t.Fatal(err)
	}
	status, out := reported(t, name)
	const gap = "the body of entry 0 is gone, and no erasure says so: verify the ledger"
	if status != console.StatusUndecided || !strings.Contains(out, gap) || !strings.Contains(out, "acme/fleet") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// TestReportOfAnAlteredLedger: what was altered is not the account of anything.
func TestReportOfAnAlteredLedger(t *testing.T) {
	harmless := []byte(`{"ref":"refs/heads/flux-image-updates","before":"1","after":"9","pusher":{"name":"x"},"sender":{"id":7},` +
		`"repository":{"id":1,"full_name":"acme/fleet"}}`)
	hash := sha256.Sum256(harmless)
	for name, alter := range map[string][][]any{
		"kind":    {{`UPDATE entry SET kind = 'other' WHERE idx = 1`}},
		"time":    {{`UPDATE entry SET time = time - 3000000000000 WHERE idx < 2`}},
		"removed": {{`DELETE FROM entry WHERE idx = 1`}, {`DELETE FROM body WHERE idx = 1`}},
		"exchanged": {
			{`UPDATE entry SET body_hash = ?, body_size = ? WHERE idx = 1`, hash[:], len(harmless)},
			{`UPDATE body SET encoding = 'raw', data = ? WHERE idx = 1`, harmless},
		},
	} {
		t.Run(name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "ledger.db")
			pushed(t, name, "flux-image-updates", "main", "flux-image-updates")
			if status, out := reported(t, name); status != console.StatusFail {
				t.Fatalf("status %d of what was not altered\n%s", status, out)
			}
			db, err := sql.Open("sqlite", name)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, statement := range alter {
				if _, err := db.Exec(statement[0].(string), statement[1:]...); err != nil {
					t.Fatal(err)
				}
			}
			if status, out := reported(t, name); status == console.StatusPass || !strings.Contains(out, "verify the ledger") {
				t.Errorf("the report does not notice\n%s", out)
			}
		})
	}
}

// TestReportHidesATokenInAName: a branch can have the name of a token.
func TestReportHidesATokenInAName(t *testing.T) {
	k, name := knownfail.Of(t), filepath.Join(t.TempDir(), "ledger.db")
	pushed(t, name, leaktest.Token("name"))
	for _, format := range []string{"text", "json", "csv", "markdown"} {
		if status, out := reported(k, name, "--format", format); status != console.StatusFail { // for the branch
			t.Errorf("%s: status %d\n%s", format, status, leaktest.Redact(out))
		}
	}
}
