package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// TestTwoReceiversOneFile: two programs on one SQLite file, under load, one of which
// is killed on the way. There is one sequence, a delivery that both get is there
// once, and nothing that was acknowledged is missing.
func TestTwoReceiversOneFile(t *testing.T) {
	folder := t.TempDir()
	ledger, key := filepath.Join(folder, "ledger.db"), filepath.Join(folder, "key")
	one := startServe(t, scriptSecret, ledger, "--signing-key-file", key)
	two := startServe(t, scriptSecret, ledger, "--signing-key-file", key)
	const senders, each = 8, 60
	var kept, known atomic.Int64 // answers 202 and 200
	deliver := func(p *process, guid string) error {
		status, err := send(http.DefaultClient, p.url, scriptSecret, payload{event: "push", body: fmt.Appendf(nil, `{"n":%q}`, guid)}, guid)
		switch {
		case err != nil:
			return err
		case status == http.StatusAccepted:
			kept.Add(1)
		case status == http.StatusOK:
			known.Add(1)
		default:
			return fmt.Errorf("%s: status %d", guid, status)
		}
		return nil
	}
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for i := range each {
				guid := fmt.Sprintf("72d3162e-cc78-11e3-81ab-%06x%06x", s, i)
				for _, p := range []*process{one, two} {
					if err := deliver(p, guid); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if kept.Load() != senders*each || known.Load() != senders*each {
		t.Errorf("%d deliveries were taken and %d known, of %d that were sent twice", kept.Load(), known.Load(), senders*each)
	}
	// One is killed while both are sent to; the other one goes on alone.
	for s := range senders {
		all.Go(func() {
			for i := range each {
				if s == 0 && i == each/2 {
					two.command.Process.Kill() //nolint:errcheck // it shows below
				}
				guid := fmt.Sprintf("72d3162e-cc78-11e3-81ac-%06x%06x", s, i)
				_ = deliver(two, guid) // what it did not answer may be there or not
				if err := deliver(one, guid); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	two.stop(syscall.SIGKILL)
	one.stop(syscall.SIGTERM)
	var out bytes.Buffer
	status := watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: &out, Stderr: &out},
		[]string{"verify", "--ledger", ledger})
	if want := fmt.Sprintf("\nentries  %d\n", 2*senders*each); status != console.StatusPass || !strings.Contains(out.String(), want) {
		t.Errorf("status %d\n%s", status, &out)
	}
}

// TestPromotedWithoutTheLast: a standby without what was acknowledged last is taken for
// the ledger by nobody whose checkpoint is of a larger one, after a restart either.
func TestPromotedWithoutTheLast(t *testing.T) {
	server := postgrestest.Shared(t)
	primary, key := server.Create(t, "primary"), filepath.Join(t.TempDir(), "key")
	deliver := func(guid string) {
		t.Helper()
		p := startServe(t, scriptSecret, primary, "--signing-key-file", key)
		status, err := send(http.DefaultClient, p.url, scriptSecret, payload{event: "push", body: []byte("{}")}, guid)
		if err != nil || status != http.StatusAccepted {
			t.Fatalf("status %d, %v", status, err)
		}
		p.stop(syscall.SIGTERM)
	}
	deliver("1")
	server.Exec(t, "postgres", "CREATE DATABASE standby TEMPLATE \"primary\"")
	deliver("2")
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(scriptSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	status := watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: &out, Stderr: &out},
		[]string{"serve", "--ledger", server.DSN("standby"), "--signing-key-file", key, "--webhook-secret-file", secretFile,
			"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"})
	if status != console.StatusFail || !strings.Contains(out.String(), "it has 1 entries, and had 2") {
		t.Errorf("status %d\n%s", status, &out)
	}
}
