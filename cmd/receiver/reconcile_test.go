package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/knownfail"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

const (
	fleet      = "acme/fleet"
	adminToken = "github_pat_" + "11ADMIN0000000000000000_00000000000000000000000000000000000000000000000000000000000"
)

// hubWithHook is a fake GitHub whose webhook points to a running receiver.
func hubWithHook(t *testing.T, receiver *process) *fakehub.Hub {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "start"},
	} {
		command := exec.Command("git", args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git: %v\n%s", err, out)
		}
	}
	hub := fakehub.NewWith(t, fakehub.Options{Repos: []fakehub.Repo{{Dir: filepath.Join(dir, ".git"), Owner: "acme", Name: "fleet",
		ID: 1234}}})
	hub.AddAccount(fakehub.Account{Login: "flux-bot", ID: 4711})
	hub.AddToken(adminToken, fakehub.Grant{Kind: fakehub.FineGrained, Account: "ann", Permissions: map[string]string{
		"repository_hooks": "write", "contents": "read",
	}})
	hub.AddHook(fakehub.Hook{
		ID: 99, On: fleet, URL: receiver.url + audit.DeliveryPath, Secret: scriptSecret, Events: []string{"*"},
		Created: time.Now().AddDate(0, -1, 0),
	})
	return hub
}

// push moves a branch an hour or more ago, so that it can be told what became of it.
func push(hub *fakehub.Hub, hoursAgo int, before, after string, fate fakehub.Fate) string {
	return hub.EmitPush(fleet, fakehub.Push{
		Ref: "flux-image-updates", Before: strings.Repeat(before, 40), After: strings.Repeat(after, 40), Actor: "flux-bot",
		Time: time.Now().Add(-time.Duration(hoursAgo) * time.Hour).UTC().Truncate(time.Second),
	}, fate)
}

// runReconcile runs the command while GitHub sends what it is asked for.
func runReconcile(t *testing.T, hub *fakehub.Hub, ledger string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(adminToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, trouble bytes.Buffer
	done := make(chan int)
	go func() {
		done <- watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: &out, Stderr: &trouble}, append([]string{
			"reconcile", "--ledger", ledger, "--repo", fleet, "--token-file", token, "--api-url", hub.URL, "--rate", "1000",
		}, args...))
	}()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case status = <-done:
			tick.Stop()
			return status, out.String(), trouble.String()
		case <-tick.C:
			hub.Deliver()
		}
	}
}

// TestReconcileCommand loses deliveries on the way and has them back.
func TestReconcileCommand(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "ledger.db")
	receiver := startServe(t, scriptSecret, ledger)
	hub := hubWithHook(t, receiver)
	push(hub, 5, "0", "1", fakehub.Fate{})
	lost := push(hub, 4, "1", "2", fakehub.Fate{Lost: fakehub.TimedOut})
	swallowed := push(hub, 3, "2", "3", fakehub.Fate{Swallowed: true})
	hub.Deliver()

	status, out, trouble := runReconcile(t, hub, ledger, "--dry-run")
	if status != console.StatusFail || !strings.Contains(out, "would ask: "+lost) || !strings.Contains(out, "would ask: "+swallowed) {
		t.Errorf("dry run: status %d\n%s%s", status, out, trouble)
	}
	status, out, trouble = runReconcile(t, hub, ledger)
	if status != console.StatusPass || !strings.Contains(out, "ask: "+lost) {
		t.Errorf("status %d\n%s%s", status, out, trouble)
	}
	t.Log(out)

	// What never comes stays missing, and what was never sent is named.
	hopeless := push(hub, 2, "3", "4", fakehub.Fate{Lost: fakehub.NoHost, Again: 9})
	hub.AddPush(fleet, fakehub.Push{Ref: "main", Before: strings.Repeat("a", 40), After: strings.Repeat("b", 40), Actor: "flux-bot",
		Time: time.Now().Add(-time.Hour).UTC().Truncate(time.Second)})
	hub.Deliver()
	status, out, trouble = runReconcile(t, hub, ledger, "--wait", "1s", "--format", "json")
	var document struct {
		Verdict      string
		Completeness struct {
			Listed, Held, Recovered int
			Open                    []struct{ Kind, GUID, Ref string }
		}
	}
	if err := json.Unmarshal([]byte(out), &document); err != nil {
		t.Fatalf("%v\n%s%s", err, out, trouble)
	}
	statement := document.Completeness
	kinds := map[string]string{}
	for _, open := range statement.Open {
		kinds[open.Kind] = open.GUID + open.Ref
	}
	if status != console.StatusFail || document.Verdict != "fail" || statement.Listed != 4 || statement.Held != 3 ||
		statement.Recovered != 2 ||
		!strings.Contains(kinds["missing"], hopeless) || !strings.Contains(kinds["never-sent"], "refs/heads/main") {
		t.Errorf("status %d\n%s%s", status, out, trouble)
	}
	receiver.stop(syscall.SIGTERM)
}

// TestReconcileWithoutRights: what could not be asked for is not complete.
func TestReconcileWithoutRights(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "ledger.db")
	receiver := startServe(t, scriptSecret, ledger)
	hub := hubWithHook(t, receiver)
	hub.AddToken(adminToken, fakehub.Grant{Kind: fakehub.FineGrained, Account: "ann", Permissions: map[string]string{"contents": "read"}})
	status, out, trouble := runReconcile(t, hub, ledger)
	if status != console.StatusUndecided || !strings.Contains(out, "Webhooks") {
		t.Errorf("status %d\n%s%s", status, out, trouble)
	}

	// In the background it is a failure, and no round that found nothing missing.
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(adminToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	background := startServe(t, scriptSecret, filepath.Join(t.TempDir(), "ledger.db"), "--reconcile", "1h", "--repo", fleet, "--token-file",
		file, "--api-url", hub.URL)
	if text := await(t, background, "fluxkeeper_reconcile_failures_total 1"); strings.Contains(text,
		"fluxkeeper_reconcile_timestamp_seconds 1") {
		t.Error("a round that could not read GitHub's list counts")
	}
}

// await waits until a receiver's metrics hold a line, and gives them.
func await(t *testing.T, p *process, line string) string {
	t.Helper()
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		answer, err := http.Get(p.admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), line) {
			return string(text)
		}
	}
}

// TestReconcileTellsOfTries: GitHub in trouble is asked again, and whoever waits is
// told, in a log once.
func TestReconcileTellsOfTries(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "ledger.db")
	receiver := startServe(t, scriptSecret, ledger)
	hub := hubWithHook(t, receiver)
	hub.AddFault(fakehub.Fault{On: "repos/list-webhooks", Status: 503, Header: map[string]string{"retry-after": "0"}, Times: 3})
	status, out, trouble := runReconcile(t, hub, ledger)
	if want := "fluxkeeper-receiver: note: GitHub answered 503; trying again in 0s (2 of 7)\n"; status != console.StatusPass ||
		trouble != want {
		t.Errorf("status %d\n%s%s", status, out, trouble)
	}
}

// TestReconcileAllThatIsKept: asking for as much as GitHub keeps is no gap of its own.
func TestReconcileAllThatIsKept(t *testing.T) {
	k, ledger := knownfail.Of(t), filepath.Join(t.TempDir(), "ledger.db")
	hub := hubWithHook(t, startServe(t, scriptSecret, ledger))
	push(hub, 2, "0", "1", fakehub.Fate{})
	hub.Deliver()
	if status, out, trouble := runReconcile(t, hub, ledger, "--since", "7d"); status != console.StatusPass {
		k.Errorf("status %d\n%s%s", status, out, trouble)
	}
}

// TestReconcileHasTheRefusedTaken: a delivery that was not taken, since its body came
// too often, is put on record, and taken when GitHub is asked for it.
func TestReconcileHasTheRefusedTaken(t *testing.T) {
	key, err := ledger.NewKey(rand.Reader, "test")
	if err != nil {
		t.Fatal(err)
	}
	l, err := store.Open(t.Context(), store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: key, Repeats: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	secrets, err := intake.NewSecrets(secret.New(scriptSecret))
	if err != nil {
		t.Fatal(err)
	}
	in, err := intake.New(intake.Options{Ledger: l, Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(in.Handler())
	defer server.Close()
	hub := hubWithHook(t, &process{url: server.URL})
	push(hub, 5, "0", "1", fakehub.Fate{})
	again := push(hub, 5, "0", "1", fakehub.Fate{})
	hub.Deliver()
	s := service{in: in, kept: l, log: slog.New(slog.DiscardHandler)}
	failing, fail := context.WithCancel(t.Context())
	fail()
	s.keepRefused(failing)
	s.keepRefused(t.Context()) // what could not be put on record is, the next time
	var refused ledger.Refused
	for r, err := range l.Records(t.Context(), ledger.Query{Kinds: []ledger.Kind{ledger.Refusal}}) {
		body, err2 := l.BodyOf(t.Context(), r)
		if err3 := json.Unmarshal(body, &refused); err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
	}
	if h := refused.Hooks; len(h) != 1 || h[0].Hook != "99" || h[0].Count != 1 || !slices.Equal(h[0].GUIDs, []string{again}) {
		t.Fatalf("refused: %+v", refused)
	}

	client, err := hooks.New(github.Options{Token: secret.New(adminToken), APIURL: hub.URL}, github.App{})
	if err != nil {
		t.Fatal(err)
	}
	r := listing{Repo: []string{fleet}, APIURL: hub.URL}.reconciler(client, l)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan bool)
	go func() {
		r.Follow(ctx, 10*time.Millisecond, awaiting(l.Await), metric.New("test"), slog.New(slog.DiscardHandler))
		close(ended)
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err = l.Find(t.Context(), again); err == nil || ctx.Err() != nil {
			break
		}
		hub.Deliver()
		<-tick.C
	}
	cancel()
	if <-ended; err != nil {
		t.Error(err)
	}
}
