package hooks_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/hubtest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

func TestHooksOfThreeScopes(t *testing.T) {
	w := hookWorld(t, nil)
	app := w.newApp(false)
	for i := range 101 { // more than a page
		w.AddHook(fakehub.Hook{ID: int64(1000 - i), On: "acme", URL: "https://example.com/ci", Created: monthAgo})
	}
	w.AddHook(fakehub.Hook{ID: hookID, On: fleet, URL: "https://example.com/a", Secret: leaktest.Secret, Events: []string{"push", "create"},
		Created: monthAgo, Updated: noon})
	w.AddHook(fakehub.Hook{ID: 5, On: fleet, ContentType: "form", InsecureTLS: true, Inactive: true, Created: monthAgo})
	w.AddHook(fakehub.Hook{ID: 6, On: "", Secret: leaktest.Secret, URL: "", Events: []string{"*"}, Created: monthAgo})
	c := w.webhooks(adminToken, app)

	got, err := c.Hooks(t.Context(), repoScope)
	if err != nil {
		t.Fatal(err)
	}
	want := []audit.Hook{
		{Scope: "repository", Owner: fleet, ID: 5, ContentType: "form", InsecureTLS: true, Events: []string{"push"}, CreatedAt: monthAgo,
			UpdatedAt: monthAgo},
		{Scope: "repository", Owner: fleet, ID: hookID, URL: "https://example.com/a", ContentType: "json", Secret: true, Active: true,
			Events: []string{"create", "push"}, CreatedAt: monthAgo, UpdatedAt: noon},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := c.Hooks(t.Context(), orgScope); err != nil || len(got) != 101 || got[0].ID != 900 || got[100].Scope != "organization" {
		t.Errorf("%d hooks of the organization, %v", len(got), err)
	}
	// The app's id is not told before there is a delivery.
	for _, id := range []int64{0, 6} {
		got, err := c.Hooks(t.Context(), appScope)
		if err != nil || len(got) != 1 || got[0].ID != id || got[0].Owner != "keeper" || !got[0].Secret {
			t.Errorf("%+v, %v; want hook %d", got, err, id)
		}
		w.Emit(fakehub.Event{Name: "push", Repo: "other/repo", Body: []byte("{}")}, fakehub.Fate{})
		if id == 0 {
			continue
		}
		l, err := c.Deliveries(t.Context(), got[0], noon.AddDate(0, 0, -1))
		if err != nil || len(l.Attempts) != 2 {
			t.Fatalf("%+v, %v", l, err)
		}
		if err := c.Redeliver(t.Context(), got[0], l.Attempts[0].ID); err != nil {
			t.Error(err)
		}
	}
}

func TestDeliveriesAreReadBackToATime(t *testing.T) {
	w := hookWorld(t, nil)
	w.AddHook(fakehub.Hook{ID: hookID, On: fleet, Created: monthAgo})
	for i := range 700 { // one in every ten minutes; GitHub lists 432 of them
		f := fakehub.Fate{Swallowed: i%2 == 0, Lost: map[bool]string{true: fakehub.TimedOut}[i%2 == 1]}
		if i == 7 {
			f.Throttled = 5 * time.Minute
		}
		at := noon.Add(-time.Duration(i) * 10 * time.Minute)
		w.Emit(fakehub.Event{Name: "push", Repo: fleet, Body: []byte("{}"), Time: at, GUID: fmt.Sprintf("g%d", i)}, f)
	}
	c := w.webhooks(adminToken, github.App{})
	for _, test := range []struct {
		since           time.Duration
		attempts, pages int
		ended           bool
	}{
		{time.Hour, 7, 2, false}, // a page of older ones is looked at, since the order is not promised
		{24 * time.Hour, 145, 3, false},
		{71 * time.Hour, 427, 5, false},
		{72 * time.Hour, 432, 5, true},
		{7 * 24 * time.Hour, 432, 5, true},
	} {
		w.ResetLog()
		l, err := c.Deliveries(t.Context(), audit.Hook{Scope: "repository", Owner: fleet, ID: hookID}, noon.Add(-test.since))
		if err != nil || len(l.Attempts) != test.attempts || l.Ended != test.ended || w.Count() != test.pages || l.Problem != "" {
			t.Errorf("%s: %d attempts on %d pages, ended %t, %v; want %+v", test.since, len(l.Attempts), w.Count(), l.Ended, err, test)
			continue
		}
		a, b := l.Attempts[0], l.Attempts[6]
		a.ID, b.ID = 0, 0
		want := []audit.Attempt{
			{GUID: "g0", Time: noon, Status: "OK", StatusCode: 200, Event: "push", Repository: 1234},
			{GUID: "g6", Time: noon.Add(-time.Hour), Status: "OK", StatusCode: 200, Event: "push", Repository: 1234},
		}
		if diff := cmp.Diff(want, []audit.Attempt{a, b}); diff != "" {
			t.Error(diff)
		}
		if len(l.Attempts) > 7 {
			if late := l.Attempts[7]; late.GUID != "g7" || !late.Throttled.Equal(noon.Add(-70*time.Minute)) ||
				!late.Time.Equal(noon.Add(-65*time.Minute)) {
				t.Errorf("the throttled one: %+v", late)
			}
		}
	}
}

func TestRedeliver(t *testing.T) {
	w := hookWorld(t, nil)
	got := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("X-GitHub-Delivery")
		rw.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	hook := audit.Hook{Scope: "repository", Owner: fleet, ID: w.AddHook(fakehub.Hook{On: fleet, URL: server.URL})}
	guid := w.EmitPush(fleet, fakehub.Push{Ref: "main", After: strings.Repeat("a", 40), Actor: hubtest.Bot},
		fakehub.Fate{Lost: fakehub.NoHost})
	w.EmitPush(fleet, fakehub.Push{Ref: "main", Before: strings.Repeat("a", 40), After: strings.Repeat("b", 40), Actor: hubtest.Bot},
		fakehub.Fate{Lost: fakehub.NoHost, Refused: 422})
	c := w.webhooks(adminToken, github.App{})
	l, err := c.Deliveries(t.Context(), hook, monthAgo)
	if err != nil || len(l.Attempts) != 2 {
		t.Fatalf("%+v, %v", l, err)
	}
	refused, lost := l.Attempts[0], l.Attempts[1]
	push, err := c.Pushed(t.Context(), hook, audit.Delivery{GUID: guid, Event: "push", Attempt: lost.ID})
	want := audit.Push{Repository: 1234, Ref: "refs/heads/main", Before: strings.Repeat("0", 40), After: strings.Repeat("a", 40), GUID: guid}
	if diff := cmp.Diff(want, push); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if err := c.Redeliver(t.Context(), hook, lost.ID); err != nil {
		t.Fatal(err)
	}
	w.Deliver()
	if len(got) != 1 || <-got != guid {
		t.Error("it did not arrive once, under the same GUID")
	}
	expect(t, c.Redeliver(t.Context(), hook, refused.ID), github.Refused, "422", "")
	expect(t, c.Redeliver(t.Context(), hook, 7), github.NotFound, "404", "older than three days")
	// An order is never given twice by itself, whatever went wrong.
	w.AddFault(fakehub.Fault{On: "repos/redeliver-webhook-delivery", Status: 502})
	w.ResetLog()
	expect(t, c.Redeliver(t.Context(), hook, lost.ID), github.Server, "502", "")
	w.AddFault(fakehub.SecondaryLimit("repos/redeliver-webhook-delivery", 403, 0))
	expect(t, c.Redeliver(t.Context(), hook, lost.ID), github.SecondaryLimit, "403", "in a few minutes")
	if n := w.Count(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// expect holds an error against its kind, and texts in it and in its hint.
func expect(t *testing.T, err error, kind github.Kind, text, hint string) {
	t.Helper()
	e, ok := errors.AsType[*github.Error](err)
	if !ok {
		t.Errorf("%v, want %s", err, kind)
		return
	}
	if e.Kind != kind || !strings.Contains(e.Error(), text) || !strings.Contains(e.Hint(), hint) {
		t.Errorf("%s: %v (hint: %s); want %s: %s (hint: %s)", e.Kind, e, e.Hint(), kind, text, hint)
	}
}

func TestWhoMayNotAskForHooks(t *testing.T) {
	w := hookWorld(t, nil)
	w.AddHook(fakehub.Hook{ID: hookID, On: fleet})
	w.AddHook(fakehub.Hook{ID: 9, On: "acme"})
	app := w.newApp(true)
	other := w.newApp(true) // the hub knows only this one's key from here on
	w.AddHook(fakehub.Hook{ID: 8})
	for token, g := range map[string]fakehub.Grant{
		"github_pat_flux": {Kind: fakehub.FineGrained, Account: hubtest.Bot,
			Permissions: map[string]string{"contents": "write", "pull_requests": "write"}},
		"github_pat_reader": {Kind: fakehub.FineGrained, Account: "ann", Permissions: map[string]string{"repository_hooks": "read"}},
		"github_pat_member": {Kind: fakehub.FineGrained, Account: "bob", Member: true,
			Permissions: map[string]string{"repository_hooks": "write"}},
		"ghp_classic": {Kind: fakehub.Classic, Account: "ann", Scopes: []string{"repo:status"}},
	} {
		w.AddToken(token, g)
	}
	repository, organization := audit.Hook{Scope: "repository", Owner: fleet, ID: hookID},
		audit.Hook{Scope: "organization", Owner: "acme", ID: 9}
	none := github.App{}
	const read, write = "Webhooks: read (classic: admin:repo_hook or read:repo_hook)",
		"Webhooks: write (classic: admin:repo_hook or write:repo_hook)"
	for name, test := range map[string]struct {
		token string
		app   github.App
		do    func(*hooks.Client) error
		kind  github.Kind
		hint  string
	}{
		"Flux's own token": {"github_pat_flux", none, hooksOf(t, repoScope), github.Forbidden, read},
		"its deliveries":   {"github_pat_flux", none, deliveriesOf(t, repository), github.Forbidden, read},
		"redelivering with a reading token": {"github_pat_reader", none, func(c *hooks.Client) error {
			return c.Redeliver(t.Context(), repository, 1)
		}, github.Forbidden, write},
		"no administrator":         {"github_pat_member", none, hooksOf(t, repoScope), github.NotFound, "must administer the repository"},
		"a classic token":          {"ghp_classic", none, deliveriesOf(t, repository), github.NotFound, read},
		"an organization":          {"github_pat_flux", none, hooksOf(t, orgScope), github.Forbidden, "admin:org_hook"},
		"its hook":                 {"ghp_classic", none, deliveriesOf(t, organization), github.NotFound, "admin:org_hook"},
		"a wrong token":            {"ghp_wrong", none, hooksOf(t, repoScope), github.Unauthorized, "expired or revoked"},
		"another app's key":        {"", app, hooksOf(t, appScope), github.Unauthorized, "private key is one of this app's"},
		"another app's number":     {"", github.App{ID: 7, Key: other.Key}, hooksOf(t, appScope), github.Unauthorized, "the app's number"},
		"an app that is not given": {"github_pat_flux", none, hooksOf(t, appScope), github.Misuse, "private key"},
		"no repository": {"github_pat_flux", none, hooksOf(t, hooks.Scope{Kind: "repository", Owner: "acme"}), github.Misuse,
			"owner/name"},
		"no organization": {"github_pat_flux", none, hooksOf(t, hooks.Scope{Kind: "organization", Owner: "a/b"}), github.Misuse,
			"login"},
		"no scope": {"github_pat_flux", none, hooksOf(t, hooks.Scope{Kind: "user", Owner: "a"}), github.Misuse,
			"repository, organization or app"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.do(w.webhooks(test.token, test.app))
			expect(t, err, test.kind, "", test.hint)
		})
	}
	if err := hooksOf(t, appScope)(w.webhooks("", other)); err != nil {
		t.Error(err)
	}
	if err := hooksOf(t, orgScope)(w.webhooks(adminToken, none)); err != nil {
		t.Error(err)
	}
}

func hooksOf(t *testing.T, s hooks.Scope) func(*hooks.Client) error {
	return func(c *hooks.Client) error { _, err := c.Hooks(t.Context(), s); return err }
}

func deliveriesOf(t *testing.T, hook audit.Hook) func(*hooks.Client) error {
	return func(c *hooks.Client) error {
		l, err := c.Deliveries(t.Context(), hook, monthAgo)
		if err != nil && l.Problem != err.Error() {
			t.Errorf("the listing says %q, not %v", l.Problem, err)
		}
		return err
	}
}

func TestKeysThatAreNone(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	for name, app := range map[string]github.App{
		"no key":      {ID: 1},
		"no number":   {Key: secret.New("x")},
		"no PEM":      {ID: 1, Key: secret.New("TOPSECRET")},
		"no RSA":      {ID: 1, Key: secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))},
		"broken":      {ID: 1, Key: secret.New("-----BEGIN RSA PRIVATE KEY-----\nVE9QU0VDUkVU\n-----END RSA PRIVATE KEY-----\n")},
		"less than 0": {ID: -1, Key: secret.New("x")},
	} {
		_, err := hooks.New(github.Options{}, app)
		expect(t, err, github.Misuse, "", "app")
		if err != nil && strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%s: the error quotes the key", name)
		}
	}
}

func TestActivitiesAndNetworks(t *testing.T) {
	w := hookWorld(t, nil)
	id := func(i int) string { return fmt.Sprintf("%040x", i) }
	for i := range 250 {
		w.AddPush(fleet, fakehub.Push{Ref: "main", Before: id(i), After: id(i + 1), Actor: hubtest.Bot,
			Time: noon.Add(time.Duration(i-250) * time.Minute)})
	}
	w.AddPush(fleet, fakehub.Push{Ref: "old", Before: id(7), Type: "branch_deletion", Time: noon})
	c := w.webhooks(adminToken, github.App{})
	got, err := c.Activities(t.Context(), fleet, noon.Add(-150*time.Minute))
	if err != nil || got.ID != 1234 || len(got.Activities) != 151 || w.Count("repos/list-activities") != 2 {
		t.Fatalf("%d activities on %d pages, %v", len(got.Activities), w.Count("repos/list-activities"), err)
	}
	want := []audit.Activity{
		{Type: "branch_deletion", Ref: "refs/heads/old", Before: id(7), After: id(0), Time: noon},
		{Type: "push", Ref: "refs/heads/main", Before: id(249), After: id(250), ActorID: hubtest.BotID, Actor: hubtest.Bot,
			Time: noon.Add(-time.Minute)},
	}
	for i := range want {
		want[i].ID = got.Activities[i].ID
	}
	if diff := cmp.Diff(want, got.Activities[:2]); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Activities(t.Context(), "acme/nothing", noon); err == nil {
		t.Error("a repository that is not there has activities")
	}
	networks, err := c.HookNetworks(t.Context())
	if diff := cmp.Diff("[192.0.2.0/24 2001:db8::/29]", fmt.Sprint(networks)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if !networks[0].Contains(netip.MustParseAddr("192.0.2.7")) {
		t.Error("an address of a network is not in it")
	}
}

// TestListsThatNobodyShouldSend: such an answer is an error, never an end.
func TestListsThatNobodyShouldSend(t *testing.T) {
	answer, link := "", ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if link != "" {
			w.Header().Set("Link", "<http://"+r.Host+r.URL.Path+"?"+link+`>; rel="next"`)
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	c, err := hooks.New(github.Options{FirstWait: time.Millisecond, APIURL: server.URL}, github.App{})
	if err != nil {
		t.Fatal(err)
	}
	const good = `{"id":1,"guid":"g","delivered_at":"2026-11-20T12:00:00Z"}`
	hook := audit.Hook{Scope: "repository", Owner: fleet, ID: 1}
	for _, test := range []struct {
		what, answer, link string
		do                 func(*hooks.Client) error
	}{
		{"a circle of deliveries", "[" + good + "]", "cursor=a", deliveriesOf(t, hook)},
		{"no GUID", `[{"id":1,"delivered_at":"2026-11-20T12:00:00Z"}]`, "", deliveriesOf(t, hook)},
		{"no time", `[{"id":1,"guid":"g"}]`, "", deliveriesOf(t, hook)},
		{"no list", `{}`, "", deliveriesOf(t, hook)},
		{"a circle of hooks", `[{"id":1}]`, "page=1", hooksOf(t, repoScope)},
		{"no id", `[{"active":true}]`, "", hooksOf(t, repoScope)},
		{"no networks", `{"hooks":[]}`, "", func(c *hooks.Client) error { _, err := c.HookNetworks(t.Context()); return err }},
		{"a wrong network", `{"hooks":["192.0.2.0"]}`, "", func(c *hooks.Client) error { _, err := c.HookNetworks(t.Context()); return err }},
		{"no repository", `{}`, "", func(c *hooks.Client) error { _, err := c.Activities(t.Context(), fleet, noon); return err }},
		{"no push", `{"request":{"headers":{},"payload":{"ref":"refs/heads/main"}}}`, "", func(c *hooks.Client) error {
			_, err := c.Pushed(t.Context(), hook, audit.Delivery{Event: "push", Attempt: 1})
			return err
		}},
	} {
		answer, link = test.answer, test.link
		e, ok := errors.AsType[*github.Error](test.do(c))
		if !ok || e.Kind != github.Inconsistent {
			t.Errorf("%s: %v", test.what, e)
		}
	}
}
