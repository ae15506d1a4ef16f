package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/api"
	"github.com/goldfish-inc/fluxkeeper/internal/record/durable"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// through is the flags to append to a ledger by the receiver that has it open, and that
// nothing else can be appended with.
func through(t *testing.T, file string) []string {
	t.Helper()
	l, err := signed{where: where{file}}.keyed(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	server := httptest.NewServer(api.New(api.Options{Ledger: l, Log: slog.New(slog.DiscardHandler), WriteToken: secret.New(leaktest.Secret),
		Operations: operations(l)}))
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(leaktest.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--receiver", server.URL, "--write-token-file", token, "--ledger", "none.db", "--signing-key-file", "none.key"}
}

// TestEraseBothWays: erase shows the same plan, asks the same and does the same through
// a receiver and with the key.
func TestEraseBothWays(t *testing.T) {
	told := map[string]string{}
	for _, way := range []string{"with the key", "through a receiver"} {
		file := kept(t, func(l *store.Ledger) {
			for _, days := range []int{9, 8, 6} {
				e := ledger.Entry{Kind: ledger.Delivery, Time: now().AddDate(0, 0, -days), Source: "1", ID: fmt.Sprint(days), Name: "push"}
				if _, err := l.Append(t.Context(), e, []byte("{}")); err != nil {
					t.Fatal(err)
				}
			}
		})
		flags := []string{"--ledger", file}
		if way != "with the key" {
			flags = through(t, file)
		}
		var out bytes.Buffer
		for _, step := range []struct {
			status int
			args   []string
		}{
			{console.StatusUsage, []string{"--older-than", "167h", "--yes"}},
			{console.StatusUsage, []string{"--older-than", "7d"}},
			{console.StatusPass, []string{"--older-than", "7d", "--yes"}},
			{console.StatusPass, []string{"--older-than", "7d", "--yes"}},
		} {
			args := append(append([]string{"erase"}, step.args...), flags...)
			status := watched(t, console.World{Context: t.Context(), Environment: func(string) (string, bool) { return "", false },
				Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}, args)
			if status != step.status {
				t.Errorf("%s: %v: status %d\n%s", way, step.args, status, &out)
			}
		}
		told[way] = regexp.MustCompile(`before [^;]+;`).ReplaceAllString(out.String(), "before T;")
		for _, want := range []string{"must be 7d or more",
			"to be erased: 2 bodies", "nothing was erased", "2 bodies erased", "0 bodies erased"} {
			if !strings.Contains(told[way], want) {
				t.Errorf("%s: no %q in\n%s", way, want, told[way])
			}
		}
	}
	if diff := cmp.Diff(told["with the key"], told["through a receiver"]); diff != "" {
		t.Error(diff)
	}
}

// TestRotateThroughReceiver is the drill without the key.
func TestRotateThroughReceiver(t *testing.T) {
	s := newRotationScene(t)
	flags := append(through(t, filepath.Join(s.dir, "ledger.db")), "--esc", "acme/flux/prod")
	with := func(args ...string) []string { return append(args, flags...) }
	s.expect(t, 0, []string{"stored: esc acme/flux/prod"}, s.fresh, with("start", "--repo", fleet)...)
	s.expect(t, 0, []string{"overlap", "by ada"}, "", "status", "--esc", "acme/flux/prod")
	s.expect(t, 1, []string{"still answers"}, s.old, with("finish")...)
	s.expect(t, 0, []string{"finished", "revoked"}, "", with("finish", "--revoke", "--unseen")...)
	s.expect(t, 2, []string{"no rotation is under way"}, s.old, with("finish")...)
	s.expect(t, 2, []string{"not new"}, s.fresh, with("start", "--repo", fleet)...)
	s.expect(t, 0, []string{"done", "revoked through GitHub's API"}, "", "status")
}

// TestLease: of a command that appends with the key and a receiver only one has it.
func TestLease(t *testing.T) {
	file := kept(t, func(*store.Ledger) {})
	secrets := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secrets, []byte(scriptSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, alone := range []bool{true, false} {
		release, err := durable.Hold(file+".key", alone)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"erase", "--older-than", "7d", "--yes"},
			{"serve", "--webhook-secret-file", secrets, "--listen", "none"}} {
			var out bytes.Buffer
			status := watched(t, console.World{Context: t.Context(), Environment: func(string) (string, bool) { return "", false },
				Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}, append(args, "--ledger", file))
			held := strings.Contains(out.String(), "the signing key "+file+".key")
			if want := alone || args[0] == "erase"; held != want || status == console.StatusPass {
				t.Errorf("held alone %v, %s: status %d\n%s", alone, args[0], status, &out)
			}
		}
		release()
	}
	if status, out := told(t, "erase", "--older-than", "7d", "--yes", "--ledger", file); status != console.StatusPass {
		t.Errorf("status %d: %s", status, out)
	}
}

// TestLeaseBeforeTables: who may not append leaves the tables as they are, which can be
// those of another version.
func TestLeaseBeforeTables(t *testing.T) {
	file := kept(t, func(*store.Ledger) {})
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	version := func() (n int) {
		if err := db.QueryRowContext(t.Context(), `SELECT max(version_id) FROM goose_db_version`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	newest := version()
	if _, err := db.ExecContext(t.Context(), `DROP INDEX entry_kind; DELETE FROM goose_db_version WHERE version_id = 2`); err != nil {
		t.Fatal(err)
	}
	secrets := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secrets, []byte(scriptSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	release, err := durable.Hold(file+".key", true)
	if err != nil {
		t.Fatal(err)
	}
	erase := []string{"erase", "--older-than", "7d", "--yes", "--ledger", file}
	for _, args := range [][]string{erase, {"serve", "--webhook-secret-file", secrets, "--listen", "none", "--ledger", file}} {
		if status, _ := told(t, args...); status == console.StatusPass || version() != 1 {
			t.Errorf("%s: status %d, and the tables are of version %d", args[0], status, version())
		}
	}
	release()
	if status, _ := told(t, erase...); status != console.StatusPass || version() != newest {
		t.Errorf("status %d, and the tables are of version %d", status, version())
	}
}
