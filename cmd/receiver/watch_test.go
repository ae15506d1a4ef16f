package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// watched runs the program in this process, as run does, and fails the test where
// what it prints holds a secret.
func watched(t testing.TB, w console.World, args []string) int {
	w.Stdout, w.Stderr = leaktest.Watch(t, "stdout", w.Stdout), leaktest.Watch(t, "stderr", w.Stderr)
	return run(w, args)
}

// ledgers looks at all ledgers under a folder, whatever their files are called.
func ledgers(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.HasPrefix(data, []byte("SQLite format 3\x00")) {
			_, err = searched(t, path)
		}
		return err
	})
	if err != nil {
		t.Errorf("look for secrets in ledgers: %v", err)
	}
}

// searched looks for secrets in every row of a ledger, and says how many there
// are.
func searched(t testing.TB, address string) (rows int, err error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	l, err := store.Open(ctx, store.Options{Address: address, ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer l.Close()
	for r, err := range l.Records(ctx, ledger.Query{}) {
		if err != nil {
			return rows, err
		}
		rows++
		body, err := l.Body(ctx, r.Index)
		if err != nil && !errors.Is(err, ledger.ErrErased) {
			return rows, err
		}
		where := fmt.Sprintf("entry %d", r.Index)
		leaktest.Text(t, where, fmt.Appendln(nil, r.Kind, r.Source, r.ID, r.Name, r.Target))
		leaktest.Text(t, where+"'s body", body)
	}
	checkpoint, err := l.Checkpoint(ctx)
	leaktest.Text(t, "the checkpoint", checkpoint)
	return rows, err
}

// TestLedgersAreSearched plants secrets in a ledger whose bodies are compressed.
func TestLedgersAreSearched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	key, err := ledger.NewKey(rand.Reader, "watch.example")
	if err != nil {
		t.Fatal(err)
	}
	l, err := store.Open(t.Context(), store.Options{Address: path, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat(`{"zen":"Keep it logically awesome."}`, 100)
	for _, one := range []struct{ id, body string }{
		{"well", long}, {"body", long + leaktest.Token("row") + long}, {"base64", base64.StdEncoding.EncodeToString([]byte(long + "ghp_row"))},
		{"ghp_guid", "{}"},
	} {
		if _, err := l.Append(t.Context(), ledger.Entry{Kind: ledger.Delivery, ID: one.id, Name: "push", Source: "1",
			Time: time.Now().UTC().Truncate(time.Microsecond)}, []byte(one.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c := &leaktest.Complaints{On: t}
	if rows, err := searched(c, path); rows != 4 || err != nil {
		t.Errorf("%d rows: %v", rows, err)
	}
	ledgers(c, filepath.Dir(path))
	once := []string{"entry 1's body: line 1 holds a token of GitHub", "entry 1's body: line 1 holds a secret of the tests",
		"entry 2's body: line 1 holds a token of GitHub in base64", "entry 3: line 1 holds a token of GitHub"}
	c.Expect(append(once, once...)...)
}

// TestServersAreSearched: what a server prints last is looked through as well.
func TestServersAreSearched(t *testing.T) {
	command := exec.Command("sh", "-c", `echo out $SECRET; printf 'panic: "%s"\n' $SECRET >&2; exit 2`)
	command.Env = append(os.Environ(), "SECRET="+leaktest.Secret)
	c := &leaktest.Complaints{On: t}
	if _, err := launch(c, command, func(string, ...any) {}); err == nil {
		t.Error("a server that ends is one that serves")
	}
	c.Expect("sh's stdout: line 1 holds a secret of the tests", "sh's stderr: line 1 holds a secret of the tests")
}

// TestLogRedacts: an error may quote what somebody typed or a server answered.
func TestLogRedacts(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		a := &console.Console{World: console.World{Stderr: &out}}
		a.Log(format, slog.LevelInfo).Error("stopped", "error", fmt.Errorf("open %q", "\n"+leaktest.Token("log")), "hint",
			"not postgres://u:pa/ss@db", "file", "kept")
		if leaktest.Text(t, format, out.Bytes()); !strings.Contains(out.String(), "github_pat_***") ||
			!strings.Contains(out.String(), "postgres://***@db") || !strings.Contains(out.String(), "kept") {
			t.Errorf("%s: %s", format, leaktest.Redact(out.String()))
		}
	}
}
