package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/esctest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// rotationScene is a repository on the fake GitHub, an environment, and a ledger, in
// which no secret may be when the test ends.
type rotationScene struct {
	hub        *fakehub.Hub
	esc        *esctest.Backend
	dir        string
	old, fresh string
	pulumi     string
}

func newRotationScene(t *testing.T) *rotationScene {
	t.Helper()
	s := &rotationScene{dir: t.TempDir(), old: leaktest.Token("old1"), fresh: leaktest.Token("new2"),
		pulumi: "pul-" + strings.Repeat("0123456789", 4)}
	repo := t.TempDir()
	for _, args := range [][]string{{"-c", "init.defaultBranch=main", "init", "-q", repo},
		{"-C", repo, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "start"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git: %v\n%s", err, out)
		}
	}
	s.hub = fakehub.NewWith(t, fakehub.Options{Repos: []fakehub.Repo{{Dir: filepath.Join(repo, ".git"), Owner: "acme", Name: "fleet"}},
		Probes: true})
	for _, text := range []string{s.old, s.fresh} {
		s.hub.AddToken(text, goodRotationGrant())
	}
	t.Cleanup(func() {
		if rows, err := searched(t, filepath.Join(s.dir, "ledger.db")); err != nil || rows == 0 {
			t.Errorf("%d rows: %v", rows, err)
		}
		leaktest.Files(t, s.dir, nil)
	})
	l, err := signed{where: where{filepath.Join(s.dir, "ledger.db")}}.open(t.Context(), store.Options{})
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.esc = esctest.Serve(t, s.pulumi, "values:\n  github:\n    token: "+s.old+"\n")
	return s
}

// goodRotationGrant is a token as it should be.
func goodRotationGrant() fakehub.Grant {
	return fakehub.Grant{
		Kind: fakehub.FineGrained, Account: "acme-flux", Expires: time.Now().AddDate(0, 0, 80), Repos: []string{fleet},
		Permissions: map[string]string{"contents": "write", "pull_requests": "write"},
	}
}

// do runs a command of the drill, and gives its status and what it printed.
func (s *rotationScene) do(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	environment := map[string]string{"PULUMI_ACCESS_TOKEN": s.pulumi, "PULUMI_BACKEND_URL": s.esc.URL, "USER": "ada"}
	all := append([]string{"rotate"}, args...)
	all = append(all, "--ledger", filepath.Join(s.dir, "ledger.db"), "--api-url", s.hub.URL)
	status := watched(t, console.World{
		Context: t.Context(), Environment: func(name string) (string, bool) { v, ok := environment[name]; return v, ok },
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out,
	}, all)
	return status, out.String()
}

func (s *rotationScene) expect(t *testing.T, status int, wants []string, stdin string, args ...string) {
	t.Helper()
	got, out := s.do(t, stdin, args...)
	if got != status {
		t.Errorf("%s: status %d, want %d:\n%s", strings.Join(args, " "), got, status, out)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("%s: no %q in\n%s", strings.Join(args, " "), want, out)
		}
	}
}

// TestRotation is the whole drill with Pulumi ESC and without a cluster.
func TestRotation(t *testing.T) {
	s := newRotationScene(t)
	weak := leaktest.Token("weak")
	s.hub.AddToken(weak, fakehub.Grant{
		Kind: fakehub.FineGrained, Account: "acme-flux", Expires: time.Now().AddDate(0, 0, 80), Repos: []string{fleet},
		Permissions: map[string]string{"contents": "read", "pull_requests": "write"},
	})
	esc := []string{"--esc", "acme/flux/prod"}
	start := append([]string{"start", "--repo", fleet}, esc...)
	hash := func(text string) string { return token.Fingerprint(secret.New(text)) }

	s.expect(t, 0, []string{"/settings/personal-access-tokens/new?", "target_name=acme", "Contents: Read and write", "flux-fleet-automation"},
		"", start...)
	s.expect(t, 1, []string{"token/missing", "nothing was stored"}, weak, start...)
	s.expect(t, 1, []string{"token/rejected", "nothing was stored"}, leaktest.Token("none"), start...)
	if s.esc.Revision != 7 {
		t.Fatal("a token that is not as it should be was stored")
	}
	s.expect(t, 0, []string{"stored: esc acme/flux/prod github.token, revision 8", "in plain text", hash(s.fresh), hash(s.old)}, s.fresh+"\n",
		start...)
	s.expect(t, 0, []string{"overlap", "24.0 hours left", "has the new token", "it still answers", "in use    not looked at", "by ada",
		"reminders"}, "", append([]string{"status"}, esc...)...)
	s.expect(t, 0, []string{`"stage": "overlap"`, `"old_answer": "ok"`}, "", append([]string{"status", "--format", "json"}, esc...)...)
	s.expect(t, 2, []string{"not the token that was replaced"}, weak, "finish")
	s.expect(t, 2, []string{"the old token is needed"}, "", "finish")
	s.expect(t, 1, []string{"still answers"}, s.old, "finish")
	s.expect(t, 2, []string{"nobody saw Flux work"}, "", append([]string{"finish", "--revoke"}, esc...)...)
	s.expect(t, 0, []string{"finished", "revoked"}, "", append([]string{"finish", "--revoke", "--unseen", "--by", "bob"}, esc...)...)
	s.expect(t, 0, []string{"done", "by bob", "revoked through GitHub's API"}, "", "status")
	s.expect(t, 2, []string{"no rotation is under way"}, s.old, "finish")
	s.expect(t, 2, []string{"not new"}, s.fresh, start...)
}

// TestRotationFinds401: a token that a person deleted needs no revocation.
func TestRotationFinds401(t *testing.T) {
	s := newRotationScene(t)
	s.expect(t, 0, []string{"stored"}, s.fresh, "start", "--repo", fleet, "--esc", "acme/flux/prod")
	s.hub.AddToken(s.old, fakehub.Grant{Kind: fakehub.FineGrained, Account: "acme-flux", Revoked: true})
	s.expect(t, 0, []string{"next: run `rotate finish`"}, "", "status", "--esc", "acme/flux/prod")
	s.expect(t, 3, []string{"gap: GitHub refuses the old token, and no new one is at hand"}, "", "status", "--old-token-file",
		s.file(t, s.old))
	s.expect(t, 3, []string{"no new one is at hand", "cannot be told"}, s.old, "finish")
	s.expect(t, 2, []string{"not the new token"}, s.old, "finish", "--new-token-file", s.file(t, s.old))
	s.expect(t, 0, []string{"GitHub does not take the old token"}, s.old, "finish", "--new-token-file", s.file(t, s.fresh))
}

// file keeps a text for a flag, outside of what is searched for secrets.
func (s *rotationScene) file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestRefusalOfAll: a server that refuses both tokens, or a gateway in front of it,
// shows nothing of the old one; and a new token that is refused keeps the old alive.
func TestRefusalOfAll(t *testing.T) {
	s := newRotationScene(t)
	s.expect(t, 0, []string{"stored"}, s.fresh, "start", "--repo", fleet, "--esc", "acme/flux/prod")
	finish := []string{"finish", "--esc", "acme/flux/prod"}
	s.hub.AddToken(s.fresh, fakehub.Grant{Kind: fakehub.FineGrained, Account: "acme-flux", Revoked: true})
	s.expect(t, 3, []string{"does not take the new token", "not revoked"}, "", append(finish, "--revoke", "--unseen")...)
	s.hub.AddToken(s.old, fakehub.Grant{Kind: fakehub.FineGrained, Account: "acme-flux", Revoked: true})
	s.expect(t, 3, []string{"does not take the new one either"}, "", finish...)
	s.hub.AddToken(s.old, goodRotationGrant())
	s.hub.AddFault(fakehub.Fault{Status: 401, Message: "Unauthorized", Times: 2}) // a gateway, of a token that lives
	s.expect(t, 3, []string{"GitHub's answer was trouble"}, "", finish...)
	s.expect(t, 1, []string{"the old token still answers"}, "", finish...)
	s.hub.AddToken(s.fresh, goodRotationGrant())
	s.hub.AddFault(fakehub.Fault{Status: 401, Message: "Bad credentials", Times: 1}) // a replica that lags behind
	s.expect(t, 1, []string{"first refused the old token, and then did not", "the old token still answers"}, "", finish...)
}

// TestRotationAsksItsOwnServer: another server's 401 says nothing of the old token,
// and it is not for another server to see.
func TestRotationAsksItsOwnServer(t *testing.T) {
	s := newRotationScene(t)
	s.expect(t, 0, []string{"stored"}, s.fresh, "start", "--repo", fleet, "--esc", "acme/flux/prod")
	s.expect(t, 0, []string{"it still answers"}, "", "status", "--esc", "acme/flux/prod")
	other := fakehub.NewWith(t, fakehub.Options{})
	s.hub.URL = other.URL
	for _, command := range []string{"finish", "status"} {
		s.expect(t, 2, []string{"no other server is asked"}, s.old, command, "--esc", "acme/flux/prod")
	}
	if asked := other.Requests(); len(asked) > 0 {
		t.Errorf("the other server was asked: %v", asked)
	}
}

// TestRotationGoesOn: where the backend fails in the middle, the ledger knows of
// the new token, and giving it again ends well.
func TestRotationGoesOn(t *testing.T) {
	s := newRotationScene(t)
	start := []string{"start", "--repo", fleet, "--esc", "acme/flux/prod"}
	s.esc.Before = func() { s.esc.Text += "# somebody is at it\n" }
	s.expect(t, 3, []string{"not stored: esc acme/flux/prod", "changed at the same time"}, s.fresh, start...)
	s.expect(t, 0, []string{"unstored"}, "", "status")
	s.expect(t, 2, []string{"not stored yet"}, s.old, "finish")
	s.esc.Before = nil
	s.expect(t, 0, []string{"stored: esc"}, s.fresh, start...)
	s.expect(t, 0, []string{"overlap", "it still answers"}, "", "status", "--esc", "acme/flux/prod")
}

// TestRotationWithoutPlaces: where no place is looked at, nobody knows whether there
// was an old token; that there was none is not said unseen.
func TestRotationWithoutPlaces(t *testing.T) {
	s := newRotationScene(t)
	start := []string{"start", "--repo", fleet}
	s.expect(t, 0, []string{"no place was named"}, s.fresh, start...)
	s.expect(t, 0, []string{"[ ]  old dead  not known"}, "", "status")
	s.expect(t, 2, []string{"not on record whether there was an old token", "--old-token-file", "--deleted"}, "", "finish")
	old := filepath.Join(t.TempDir(), "old")
	if err := os.WriteFile(old, []byte(s.old+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.expect(t, 1, []string{"still answers"}, "", "finish", "--old-token-file", old)
	s.expect(t, 0, []string{"finished", "revoked"}, "", "finish", "--revoke", "--unseen", "--old-token-file", old, "--new-token-file",
		s.file(t, s.fresh))

	// The next one's old token is the one that is on record.
	third := leaktest.Token("3rd")
	s.hub.AddToken(third, goodRotationGrant())
	s.expect(t, 0, []string{"old " + token.Fingerprint(secret.New(s.fresh))}, third, start...)
	s.expect(t, 2, []string{"the old token is needed"}, "", "finish")
}
