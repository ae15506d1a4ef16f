package flux_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const refusal = push + "authorization failed: Write access to repository not granted.\n"

// failed is a failure as Flux logs it: twice, under one reconcileID.
func failed(name, run, text string, minute int) []string {
	line := func(message, cause string) string {
		return fmt.Sprintf(`{"level":"error","ts":%q,"msg":%q,"controllerKind":"ImageUpdateAutomation","namespace":"flux-system","name":%q,`+
			`"reconcileID":%q,"error":%q}`,
			noon.Add(time.Duration(minute)*time.Minute).Format(time.RFC3339), message, name, run, cause)
	}
	return []string{line(text, "GitOperationFailed"), line("Reconciler error", text)}
}

func worked(name, text string, minute int) []string {
	return []string{fmt.Sprintf(`{"level":"info","ts":%q,"msg":%q,"controllerKind":"ImageUpdateAutomation","namespace":"flux-system",`+
		`"name":%q,"reconcileID":"ok"}`,
		noon.Add(time.Duration(minute)*time.Minute).Format(time.RFC3339), text, name)}
}

func ready(minute int) []flux.Condition {
	return []flux.Condition{{Type: "Ready", Status: "True", Reason: "Succeeded", Message: "repository up-to-date",
		Time: noon.Add(time.Duration(minute) * time.Minute)}}
}

// TestFailures counts runs, not lines, and says what is over.
func TestFailures(t *testing.T) {
	expired := checkout + "authentication required: Bad credentials"
	for name, c := range map[string]struct {
		lines      [][]string
		events     []flux.Event
		conditions []flux.Condition
		want       []string // object cause×attempts healed sources
	}{
		"one failure": {lines: [][]string{failed("app", "1", refusal, 1)}, want: []string{"app write-denied×1 false [log]"}},
		"three runs, two causes": {
			lines: [][]string{failed("app", "1", refusal, 1), failed("app", "2", refusal, 2), failed("app", "3", expired, 3)},
			want:  []string{"app write-denied×2 false [log]", "app token-rejected×1 false [log]"},
		},
		"the event and the condition tell the same": {
			lines: [][]string{failed("app", "1", refusal, 1)},
			events: []flux.Event{{Kind: "ImageUpdateAutomation", Namespace: "flux-system", Name: "app", Type: "Warning", Message: refusal,
				Count: 9, Last: noon}},
			conditions: []flux.Condition{{Type: "Ready", Status: "False", Message: refusal, Time: noon}},
			want:       []string{"app write-denied×1 false [condition event log]"},
		},
		"reading works again": {
			lines: [][]string{failed("app", "1", expired, 1)}, conditions: ready(2), want: []string{"app token-rejected×1 true [log]"},
		},
		"ready from before the failure heals nothing": {
			lines: [][]string{failed("app", "1", expired, 3)}, conditions: ready(2), want: []string{"app token-rejected×1 false [log]"},
		},
		"nothing to push does not heal a push": {
			lines: [][]string{failed("app", "1", refusal, 1), worked("app", "repository up-to-date", 2)}, conditions: ready(2),
			want: []string{"app write-denied×1 false [log]"},
		},
		"a push heals a push": {
			lines: [][]string{failed("app", "1", refusal, 1), worked("app", "pushed commit '27c2407' to branch 'x'\nfix", 2)},
			want:  []string{"app write-denied×1 true [log]"},
		},
		"another's push heals nothing": {
			lines: [][]string{failed("app", "1", refusal, 1), worked("web", "pushed commit '27c2407' to branch 'x'\nfix", 2)},
			want:  []string{"app write-denied×1 false [log]"},
		},
		"a push before the failure heals nothing": {
			lines: [][]string{worked("app", "pushed commit '27c2407' to branch 'x'\nfix", 1), failed("app", "1", refusal, 2)},
			want:  []string{"app write-denied×1 false [log]"},
		},
		"an unknown failure stays": {lines: [][]string{failed("app", "1", "never seen", 1)}, want: []string{"app ×1 false [log]"}},
		"none":                     {lines: [][]string{worked("app", "fix: authentication required", 1)}, conditions: ready(1)},
	} {
		cluster := flux.Cluster{Namespace: "flux-system", Events: c.events, Logs: []flux.Log{{Controller: "image-automation-controller"}}}
		for _, lines := range c.lines {
			cluster.Logs[0].Lines = append(cluster.Logs[0].Lines, lines...)
		}
		cluster.Automations = []flux.Automation{{Namespace: "flux-system", Name: "app", Conditions: c.conditions}}
		var got []string
		for _, f := range flux.Failures(cluster) {
			name := f.Object[len("ImageUpdateAutomation/flux-system/"):]
			got = append(got, fmt.Sprintf("%s %s×%d %v %v", name, f.Cause.Name, f.Attempts, f.Healed, f.Sources))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestUnreadNeverPasses takes each check's facts away: it must not be ok, and
// nothing may be found wrong with what nobody saw.
func TestUnreadNeverPasses(t *testing.T) {
	for _, check := range []string{
		flux.CheckRepository, flux.CheckSecret, flux.CheckToken, flux.CheckAutomation, flux.CheckPolicies, flux.CheckFailures,
	} {
		c := flux.Cluster{Namespace: "flux-system", Unread: []doctor.Unread{{Check: check, What: "it", Why: "no right"}}}
		found := false
		for _, got := range flux.Examine(c, flux.Expectation{Repository: "acme/fleet"}) {
			if got.Name != check {
				continue
			}
			found = true
			if got.State() != finding.Gap {
				t.Errorf("%s is %s: %+v", check, got.State(), got)
			}
		}
		if !found {
			t.Errorf("%s is not reported", check)
		}
	}
}

// TestOtherRepositories leaves out what another repository's automation does.
func TestOtherRepositories(t *testing.T) {
	repository := func(name, url string) flux.GitRepository {
		return flux.GitRepository{Namespace: "flux-system", Name: name, URL: url, Branch: "main"}
	}
	runner := func(name, source string) flux.Automation {
		return flux.Automation{Namespace: "flux-system", Name: name, Source: source, PushBranch: "flux-image-updates", UpdatePath: "./a",
			LastRun: noon, LastPush: noon, LastPushCommit: "27c2407"}
	}
	c := flux.Cluster{
		Namespace: "flux-system", Read: noon,
		Repositories: []flux.GitRepository{repository("fleet", "ssh://git@github.com/acme/fleet"),
			repository("other", "ssh://git@github.com/acme/other")},
		Automations: []flux.Automation{runner("fleet", "fleet"), runner("other", "other")},
		Logs:        []flux.Log{{Controller: "image-automation-controller", Lines: failed("other", "1", refusal, 1)}},
	}
	rules := func(repository string) (names []string) {
		for _, f := range finding.Together(flux.Examine(c, flux.Expectation{Repository: repository})).Findings {
			names = append(names, f.Rule)
		}
		return names
	}
	if got := rules("acme/fleet"); len(got) > 0 {
		t.Errorf("findings are %q", got)
	}
	if got := rules("Acme/Other"); !slices.Equal(got, []string{"cluster/push-refused"}) {
		t.Errorf("findings are %q", got)
	}
	healed := c
	healed.Logs = []flux.Log{{Lines: append(failed("other", "1", refusal, 1), worked("other", "pushed commit '27c2407' to branch 'x'", 2)...)}}
	found := finding.Together(flux.Examine(healed, flux.Expectation{Repository: "acme/other"})).Findings
	if len(found) != 1 || found[0].Severity != finding.Note {
		t.Errorf("what is over is %+v", found)
	}
}

// TestUnknownRepository has an automation whose GitRepository may not be read:
// nobody knows whether it is the one, so it is neither judged nor missed.
func TestUnknownRepository(t *testing.T) {
	c := flux.Cluster{
		Namespace:   "flux-system",
		Automations: []flux.Automation{{Namespace: "flux-system", Name: "a", Source: "elsewhere", SourceNamespace: "apps"}},
		Unread:      []doctor.Unread{{Check: flux.CheckRepository, What: "GitRepository apps/elsewhere", Why: "it is in another namespace"}},
	}
	expect := flux.Expectation{Repository: "acme/fleet"}
	if found := finding.Together(flux.Examine(c, expect)).Findings; len(found) > 0 {
		t.Errorf("findings are %+v", found)
	}
	for _, check := range flux.Examine(c, expect) {
		if check.State() == finding.OK && check.Name != flux.CheckFailures {
			t.Errorf("%s is ok: %+v", check.Name, check)
		}
	}
	c.Unread = nil // now it is known that there is no such GitRepository
	if found := finding.Together(flux.Examine(c, expect)).Findings; len(found) == 0 {
		t.Error("an automation without a GitRepository has no finding")
	}
}
