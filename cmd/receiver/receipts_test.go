package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// front is a proxy in front of receivers that follow one another, so that GitHub sees
// one URL.
type front struct {
	*process
	to atomic.Pointer[process]
}

func newFront(t *testing.T) *front {
	f := &front{}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		to, err := url.Parse(f.to.Load().url)
		if err != nil {
			t.Error(err)
			return
		}
		r.SetURL(to)
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }})
	t.Cleanup(server.Close)
	f.process = &process{url: server.URL}
	return f
}

// TestReceiptsCommand: each round goes on with the answers that the one before did not
// get to.
func TestReceiptsCommand(t *testing.T) {
	dir := t.TempDir()
	ledger, key := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "key")
	p := startServe(t, scriptSecret, ledger, "--signing-key-file", key)
	hub := hubWithHook(t, p)
	for n := range 5 {
		push(hub, 9-n, fmt.Sprint(n), fmt.Sprint(n+1), fakehub.Fate{})
	}
	for range 2 { // beside the receiver, which has the key, nothing is kept
		status, out, trouble := runReconcile(t, hub, ledger, "--signing-key-file", key, "--receipts", "2")
		if status != console.StatusUndecided || !strings.Contains(out, "3 of our answers") {
			t.Errorf("beside the receiver: status %d\n%s%s", status, out, trouble)
		}
	}
	if status, out, trouble := runReconcile(t, hub, ledger, "--receipts", "18446744073709551615"); status != console.StatusUsage {
		t.Errorf("more than can be counted: status %d\n%s%s", status, out, trouble)
	}
	p.stop(syscall.SIGTERM)
	for n, left := range []string{"3 of our answers", "1 of our answers", ""} {
		status, out, trouble := runReconcile(t, hub, ledger, "--signing-key-file", key, "--receipts", "2")
		want := console.StatusUndecided
		if left == "" {
			want = console.StatusPass
		}
		if status != want || !strings.Contains(out, left) {
			t.Errorf("round %d: status %d\n%s%s", n, status, out, trouble)
		}
	}
	if status, out, trouble := runReconcile(t, hub, ledger, "--signing-key-file", filepath.Join(dir, "none"), "--receipts", "1"); status !=
		console.StatusPass || !strings.Contains(out, "of 5 of our answers in its log 5 name an entry") {
		t.Errorf("who only reads goes by the record: status %d\n%s%s", status, out, trouble)
	}
}

// TestOlderCopyIsShown: an older copy of the ledger, with its checkpoint file, becomes
// whole again by redeliveries. GitHub's log still has what it was told.
func TestOlderCopyIsShown(t *testing.T) {
	dir := t.TempDir()
	ledger, key := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "key")
	front := newFront(t)
	serve := func(more ...string) {
		front.to.Store(startServe(t, scriptSecret, ledger, append(more, "--signing-key-file", key)...))
	}
	serve()
	hub := hubWithHook(t, front.process)
	push(hub, 5, "0", "1", fakehub.Fate{})
	front.to.Load().stop(syscall.SIGTERM)
	older, err := os.ReadFile(ledger)
	checkpoint, err2 := os.ReadFile(ledger + ".checkpoint")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	serve()
	lost := push(hub, 4, "1", "2", fakehub.Fate{})
	if status, out, trouble := runReconcile(t, hub, ledger, "--signing-key-file", key); status != console.StatusPass {
		t.Fatalf("status %d of the honest ledger\n%s%s", status, out, trouble)
	}
	front.to.Load().stop(syscall.SIGTERM)
	if err := errors.Join(os.WriteFile(ledger, older, 0o600), os.WriteFile(ledger+".checkpoint", checkpoint, 0o600)); err != nil {
		t.Fatal(err)
	}

	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(adminToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve("--reconcile", "1h", "--repo", fleet, "--token-file", token, "--api-url", hub.URL)
	await(t, front.to.Load(), "fluxkeeper_entries_removed 1")
	for range 2 {
		status, out, trouble := runReconcile(t, hub, ledger, "--signing-key-file", key)
		if status != console.StatusFail || strings.Contains(out, "delivery/missing") || !strings.Contains(out, "delivery/removed") ||
			!strings.Contains(out, lost) {
			t.Errorf("status %d\n%s%s", status, out, trouble)
		}
	}
	if status, out := told(t, "list", "--ledger", ledger); status != console.StatusPass || strings.Count(out, "observation") != 1 {
		t.Errorf("status %d, %s", status, out)
	}
}
