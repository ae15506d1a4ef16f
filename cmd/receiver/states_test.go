package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/statetest"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// TestStates holds the commands to the same states. What takes a cluster (doctor) or
// writes (rotate start, rotate finish, serve) has tests of its own.
func TestStates(t *testing.T) {
	statetest.Table(t, map[string]map[statetest.State]statetest.Case{
		"report": reportStates(), "reconcile": reconcileStates(), "rotate status": rotationStates(), "verify": verifyStates(),
		"check-proof": proofStates(),
	})
}

// told gives a command's exit status and what it wrote to standard output.
func told(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, trouble bytes.Buffer
	environment := func(name string) (string, bool) { return "github_pat_x", name == "FLUXKEEPER_TOKEN" }
	status := watched(t, console.World{Context: t.Context(), Environment: environment, Stdin: strings.NewReader(""), Stdout: &out,
		Stderr: &trouble}, args)
	if status > 1 {
		t.Log(trouble.String())
	}
	return status, out.String()
}

// kept makes a ledger with what add appends.
func kept(t *testing.T, add func(*store.Ledger)) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ledger.db")
	l, err := signed{where: where{name}}.open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	add(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// delivered appends the delivery of a push by the bot.
func delivered(t *testing.T, l *store.Ledger, guid, repository, at string) {
	t.Helper()
	e := ledger.Entry{Kind: ledger.Delivery, Time: time.Now().UTC().Truncate(time.Microsecond), Source: "1", ID: guid, Name: "push",
		Target: "repository/1"}
	body := fmt.Sprintf(`{"ref":"refs/heads/flux-image-updates","before":"%040d","after":"%040d","repository":{"id":1,"full_name":%q%s},`+
		`"pusher":{"name":"fluxbot"},"sender":{"login":"fluxbot","id":7,"type":"User"}}`, 0, 1, repository, at)
	if _, err := l.Append(t.Context(), e, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func reportStates() map[statetest.State]statetest.Case {
	reported := func(repository, at, bots string, args ...string) statetest.Case {
		return statetest.Case{Run: func(t *testing.T) (int, string) {
			name := kept(t, func(l *store.Ledger) { delivered(t, l, "a", repository, at) })
			policy := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(policy, []byte("version: 1\n"+bots+"uses: {repositories: [acme/fleet]}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return told(t, append([]string{"report", "--ledger", name, "--policy", policy, "--format", "json", "--since", "1d",
				"--repo", "acme/fleet", "--api-url", listed(t, "a", "")}, args...)...)
		}}
	}
	const bot = "bots: [{name: fluxbot, login: fluxbot, id: 7}]\n"
	const old = `,"pushed_at":1700000000`
	return map[statetest.State]statetest.Case{
		statetest.Clean: reported("acme/fleet", "", bot), statetest.Warning: reported("acme/fleet", old, bot),
		statetest.Error: reported("acme/other", "", bot), statetest.Gap: reported("acme/fleet", "", ""),
		statetest.ErrorAndGap: {Run: func(t *testing.T) (int, string) {
			hub := listed(t, "b", "")
			name := kept(t, func(l *store.Ledger) { delivered(t, l, "a", "acme/fleet", "") })
			policy := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(policy, []byte("version: 1\nuses: {repositories: [acme/fleet]}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return told(t, "report", "--ledger", name, "--policy", policy, "--format", "json", "--since", "1d", "--repo", "acme/fleet", "--api-url",
				hub)
		}},
		statetest.Usage: reported("acme/fleet", "", bot, "--ledger", "none.db"), statetest.Foreign: {Cannot: "no delivery at all is a gap"},
	}
}

// listed is a GitHub that lists the deliveries of one hook. A trouble is what it answers
// instead of the repository's activity.
func listed(t *testing.T, guid, trouble string) string {
	t.Helper()
	when := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch path := r.URL.Path; {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{}`)
		case strings.HasSuffix(path, "/activity"):
			if trouble != "" {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprintf(w, `{"message":%q}`, trouble)
				return
			}
			fmt.Fprint(w, `[]`)
		case strings.HasSuffix(path, "/hooks"):
			fmt.Fprint(w, `[{"id":1,"active":true,"events":["*"],"config":{"url":"https://x/webhooks/github"},"created_at":"2026-01-01T00:00:00Z"}]`)
		case strings.HasSuffix(path, "/deliveries"):
			fmt.Fprintf(w, `[{"id":11,"guid":%q,"delivered_at":%q,"status":"OK","event":"push"}]`, guid, when)
		default:
			fmt.Fprint(w, `{"id":1,"full_name":"acme/fleet"}`)
		}
	}))
	t.Cleanup(hub.Close)
	return hub.URL
}

func reconcileStates() map[statetest.State]statetest.Case {
	compared := func(guid, trouble string, args ...string) statetest.Case {
		return statetest.Case{Run: func(t *testing.T) (int, string) {
			name := kept(t, func(l *store.Ledger) { delivered(t, l, "a", "acme/fleet", "") })
			return told(t, append([]string{
				"reconcile", "--ledger", name, "--repo", "acme/fleet", "--api-url", listed(t, guid, trouble), "--since", "1d", "--dry-run", "--format",
				"json",
			}, args...)...)
		}}
	}
	return map[statetest.State]statetest.Case{
		statetest.Clean: compared("a", ""), statetest.Warning: {Cannot: "TestExamples of delivery/unlisted has it: it takes hours"},
		statetest.Error: compared("b", ""), statetest.ErrorAndGap: compared("b", "no right"), statetest.Gap: compared("a", "no right"),
		statetest.Usage: compared("a", "", "--ledger", "none.db"), statetest.Foreign: {Cannot: "there is always a window"},
	}
}

func rotationStates() map[statetest.State]statetest.Case {
	stands := func(life, ago time.Duration, broken bool, args ...string) statetest.Case {
		return statetest.Case{Run: func(t *testing.T) (int, string) {
			name := kept(t, func(l *store.Ledger) {
				now := time.Now().UTC().Truncate(time.Microsecond)
				if life > 0 {
					for _, step := range []rotation.Step{rotation.Started, rotation.Stored} {
						r := rotation.Record{Step: step, Time: now.Add(-ago), By: "ada", Server: "https://api.github.com/",
							Repositories: []string{"acme/fleet"}, Old: "OLD", New: "NEW",
							Expires: now.Add(life)}
						if err := r.Keep(t.Context(), l.Keep); err != nil {
							t.Fatal(err)
						}
					}
				}
				if broken {
					if _, err := l.Append(t.Context(), ledger.Entry{Kind: ledger.Rotation, Time: now, Source: "fluxkeeper", ID: "x", Name: "buried",
						Target: "acme/fleet"}, []byte("{")); err != nil {
						t.Fatal(err)
					}
				}
			})
			return told(t, append([]string{"rotate", "status", "--ledger", name, "--format", "json"}, args...)...)
		}}
	}
	const day = 24 * time.Hour
	return map[statetest.State]statetest.Case{
		statetest.Clean: stands(80*day, time.Hour, false), statetest.Warning: stands(20*day, time.Hour, false),
		statetest.Error:       stands(80*day, 2*day, false),
		statetest.ErrorAndGap: stands(80*day, 2*day, true), statetest.Gap: stands(80*day, time.Hour, true),
		statetest.Usage: stands(80*day, time.Hour, false, "--repo", "acme/other"), statetest.Foreign: stands(0, 0, false),
	}
}

func verifyStates() map[statetest.State]statetest.Case {
	verified := func(args ...string) statetest.Case {
		return statetest.Case{Run: func(t *testing.T) (int, string) {
			name := kept(t, func(l *store.Ledger) { delivered(t, l, "a", "acme/fleet", "") })
			return told(t, append([]string{"verify", "--ledger", name, "--format", "json"}, args...)...)
		}}
	}
	const yesOrNo = "an entry is as it was written or not; what cannot be read has no report (record.txtar)"
	return map[statetest.State]statetest.Case{
		statetest.Clean: verified(), statetest.Usage: verified("--ledger", "none.db"),
		statetest.Error: {Cannot: "mistakes.txtar has it: it takes a ledger that was tampered with"},
		statetest.Gap: {Run: func(t *testing.T) (int, string) {
			other := filepath.Join(t.TempDir(), "other")
			if err := os.WriteFile(other, []byte(scriptSecret), 0o600); err != nil {
				t.Fatal(err)
			}
			return verified("--webhook-secret-file", other).Run(t)
		}},
		statetest.Warning: {Cannot: yesOrNo}, statetest.ErrorAndGap: {Cannot: yesOrNo},
		statetest.Foreign: {Cannot: yesOrNo},
	}
}

func proofStates() map[statetest.State]statetest.Case {
	const whole = "a proof holds or not (record.txtar has both)"
	return map[statetest.State]statetest.Case{
		statetest.Usage: {Silent: true,
			Run: func(t *testing.T) (int, string) { return told(t, "check-proof", filepath.Join(t.TempDir(), "none")) }},
		statetest.Clean: {Cannot: whole}, statetest.Error: {Cannot: whole}, statetest.Warning: {Cannot: whole}, statetest.Gap: {Cannot: whole},
		statetest.ErrorAndGap: {Cannot: whole}, statetest.Foreign: {Cannot: whole},
	}
}
