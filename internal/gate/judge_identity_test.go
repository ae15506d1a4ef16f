package gate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
)

func TestIdentity(t *testing.T) {
	pinned := strings.Replace(bots, "noreply.github.com}", "noreply.github.com, keys: [\""+signingKey+"\"]}", 1)
	verified := func(key string) string { return "signature: {kind: ssh, verified: true, key: '" + key + "'}" }
	for _, c := range []struct {
		name, in string
		want     []string
		evidence policy.Evidence
	}{
		{"text", good, []string{"pass"}, policy.EvidenceText},
		{"unknown branch", "-- facts.yaml --\nhead-ref: ''\n" + good, []string{"fail", "error identity/branch"}, policy.EvidenceText},
		{"other base", "-- policy.yaml --\nversion: 1\nbranches: {base: [main]}\n-- facts.yaml --\nbase-ref: prod\n" + good,
			[]string{"fail", "error identity/base"}, policy.EvidenceText},
		{"stranger", commits("{author: M <m@x>}"), []string{"fail", "error identity/author", "error identity/evidence"}, policy.EvidenceNone},
		{"stranger after the bot", commits("{}, {author: M <m@x>}"), []string{"fail", "error identity/evidence", "error identity/foreign-commit"},
			policy.EvidenceNone},
		{"half a name", commits("{author: fluxcdbot <m@x>}"), []string{"fail", "error identity/author", "error identity/evidence"},
			policy.EvidenceNone},
		{"letter case of the e-mail", commits("{author: fluxcdbot <Fluxcdbot@users.noreply.github.com>}"),
			[]string{"fail", "error identity/author", "error identity/evidence"}, policy.EvidenceNone},
		{"other committer", commits("{committer: M <m@x>}"), []string{"fail", "error identity/committer", "error identity/evidence"},
			policy.EvidenceNone},
		{"GitHub's name without its signature", commits("{committer: GitHub <noreply@github.com>}"),
			[]string{"fail", "error identity/committer", "error identity/evidence"}, policy.EvidenceNone},
		{"GitHub with its signature", commits("{committer: GitHub <noreply@github.com>, " + verified("") + "}"), []string{"pass"},
			policy.EvidenceSignature},
		{"another account signed for as GitHub", commits("{committer: GitHub <noreply@github.com>, committer-account: 7, " + verified("") + "}"),
			[]string{"fail", "error identity/committer", "error identity/evidence"}, policy.EvidenceNone},
		{"merge", commits("{}, {parents: 2}"), []string{"fail", "error identity/merge-commit"}, policy.EvidenceText},
		{"new root", commits("{parents: 0}"), []string{"fail", "error identity/merge-commit"}, policy.EvidenceText},
		{"no commit", commits(""), []string{"fail", "error identity/evidence"}, policy.EvidenceNone},
		{"account", bots + commits("{account: 4242}"), []string{"pass"}, policy.EvidenceAccount},
		{"other account", bots + commits("{account: 7}"), []string{"fail", "error identity/author", "error identity/evidence"},
			policy.EvidenceNone},
		{"key", pinned + commits("{"+verified(signingPrint)+"}"), []string{"pass"}, policy.EvidenceKey},
		{"other key", pinned + commits("{"+verified("SHA256:other")+"}"), []string{"fail", "error identity/key"}, policy.EvidenceSignature},
		{"unknown key", pinned + commits("{"+verified("")+"}"), []string{"fail", "error identity/key"}, policy.EvidenceSignature},
		{"unsigned although pinned", pinned + good, []string{"fail", "error identity/signature"}, policy.EvidenceText},
		{"one of two unsigned", pinned + commits("{"+verified(signingPrint)+"}, {}"), []string{"fail", "error identity/signature"},
			policy.EvidenceText},
		{"bad signature", pinned + commits("{signature: {kind: ssh, reason: wrong}}"), []string{"fail", "error identity/signature"},
			policy.EvidenceText},
		{"pusher", bots + "-- facts.yaml --\npull: {pusher: {login: acme-flux, id: 4242}}\n" + good, []string{"pass"}, policy.EvidencePusher},
		{"other pusher", bots + "-- facts.yaml --\npull: {pusher: {login: m, id: 7}}\n" + good, []string{"fail", "error identity/pusher"},
			policy.EvidenceText},
		{"pusher of a stranger's commit",
			bots + "-- facts.yaml --\ncommits: [{author: M <m@x>}]\npull: {pusher: {login: acme-flux, id: 4242}}\n" + good,
			[]string{"fail", "error identity/author", "error identity/evidence"}, policy.EvidenceNone},
		{"pusher without known accounts", "-- facts.yaml --\npull: {pusher: {login: m, id: 7}}\n" + good, []string{"pass"}, policy.EvidenceText},
		{"opener", openers("{login: ci, id: 9}"), []string{"pass"}, policy.EvidenceText},
		{"opener with the login alone", openers("{login: ci, id: 10}"), []string{"fail", "error identity/opener"}, policy.EvidenceText},
		{"opener unknown", openers("{}"), []string{"fail", "error identity/opener"}, policy.EvidenceText},
		{"less than asked", strings.Replace(bots, "version: 1", "version: 1\nevidence: pusher", 1) + commits("{account: 4242}"),
			[]string{"fail", "error identity/evidence"}, policy.EvidenceAccount},
		{"fork is gone", "-- facts.yaml --\npull: {head-repo: 0}\n" + good, []string{"fail", "error identity/fork"}, policy.EvidenceText},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := gate.Judge(loadCase(t, c.in))
			if diff := cmp.Diff(c.want, summary(got)); diff != "" || got.Evidence != c.evidence {
				t.Errorf("evidence %s, want %s; findings (-want +got):\n%s%v", got.Evidence, c.evidence, diff, got.Findings)
			}
		})
	}
}

func commits(list string) string { return "-- facts.yaml --\ncommits: [" + list + "]\n" + good }

func openers(opener string) string {
	return "-- policy.yaml --\nversion: 1\nopeners: [{login: ci, id: 9}]\n-- facts.yaml --\npull: {opener: " + opener + "}\n" + good
}

// TestEmptyBot holds that a bot without any name is nobody, not anybody.
func TestEmptyBot(t *testing.T) {
	rules, facts, options := loadCase(t, good)
	rules.Bots = []policy.Bot{{}}
	if got := gate.Judge(rules, facts, options); got.Verdict() != finding.Fail {
		t.Errorf("an empty bot made the commit: %s", got.Verdict())
	}
}

// TestCommitTimes holds that a commit committed later than written is not Flux's.
func TestCommitTimes(t *testing.T) {
	rules, facts, options := loadCase(t, good)
	facts.Commits[0].Committer.When = facts.Commits[0].Author.When.Add(time.Minute)
	if got := summary(gate.Judge(rules, facts, options)); !slices.Contains(got, "error identity/committer") {
		t.Errorf("got %v", got)
	}
}

// TestManyCommits holds that one fault of many commits is one finding.
func TestManyCommits(t *testing.T) {
	rules, facts, options := loadCase(t, commits(strings.Repeat("{author: M <m@x>}, ", 50)+"{}"))
	var messages []string
	for _, f := range gate.Judge(rules, facts, options).Findings {
		if f.Rule == "identity/foreign-commit" {
			messages = append(messages, f.Message)
		}
	}
	if len(messages) != 1 || !strings.Contains(messages[0], "and 47 more") {
		t.Errorf("got %q", messages)
	}
}

// TestBody holds what a body claims: in the Action's own list it is an error where that is
// wrong, in anybody else's a warning.
func TestBody(t *testing.T) {
	digest := func(c string) string { return "@sha256:" + strings.Repeat(c, 64) }
	for _, c := range []struct {
		name, body string
		right      bool
	}{
		{"no list", "Flux made this.", true},
		{"prose with an arrow", "We go from here -> there.", true},
		{"exact", "- ghcr.io/acme/app: 1.4.2 → 1.4.3", true},
		{"with a v", "- ghcr.io/acme/app: v1.4.2 → v1.4.3", true},
		{"short name, ASCII arrow", "* app: 1.4.2 -> 1.4.3", true},
		{"damaged arrow", "- app: 1.4.2 â†’ 1.4.3", true},
		{"code", "- `ghcr.io/acme/app`: `1.4.2` → `1.4.3`", true},
		{"whole references", "ghcr.io/acme/app:1.4.2 -> ghcr.io/acme/app:1.4.3", true},
		{"a reference in words", "feat(container): update image flux-system/app ghcr.io/acme/app:1.4.2 -> ghcr.io/acme/app:1.4.3", true},
		{"the registry written out on one side", "acme/app:1.4.2 -> ghcr.io/acme/app:1.4.3", true},
		{"twice", "- app: 1.4.2 → 1.4.3\n- app: 1.4.2 → 1.4.3", true},
		{"in a table", "| image | |\n|---|---|\n| ghcr.io/acme/app | `1.4.2` → `1.4.3` |", true},
		{"another version in a table", "| ghcr.io/acme/app | `1.4.2` → `1.4.9` |", false},
		{"another version", "- app: 1.4.2 → 1.4.9", false},
		{"another old version", "- app: 1.4.1 → 1.4.3", false},
		{"another image", "- web: 1.4.2 → 1.4.3", false},
		{"another reference", "- ghcr.io/acme/web:main-a -> ghcr.io/acme/web:main-b", false},
		{"end of a word", "- pp: 1.4.2 → 1.4.3", false},
		{"branches", "Promotes: flux-image-updates → main", true},
		{"branches alone", "flux-image-updates → main", true},
		{"stages", "rollout: trial → live", true},
		{"in words with a version", "Kubernetes: 1.33 → 1.34 comes next. See the notes on Helm: 3.18 -> 4.0, too.", true},
		{"words about its image", "This takes app from 1.4.2 → 1.9.0 at last.", false},
		{"in two steps", "- app: 1.4.2 → 1.4.3-rc1\n- app: 1.4.3-rc1 → 1.4.3", true},
		{"in two steps, the last first", "- app: 1.4.3-rc1 → 1.4.3\n- app: 1.4.2 → 1.4.3-rc1", true},
		{"in two steps on a line", "- app: 1.4.2 → 1.4.3-rc1 → 1.4.3", true},
		{"in steps back and forth", "- app: 1.4.2 → 1.4.1\n- app: 1.4.1 → 1.4.2\n- app: 1.4.2 → 1.4.3", true},
		{"in steps that end elsewhere", "- app: 1.4.2 → 1.4.3-rc1\n- app: 1.4.3-rc1 → 1.4.4", false},
		{"in steps with a gap", "- app: 1.4.2 → 1.4.3-rc1\n- app: 1.4.3-rc2 → 1.4.3", false},
		{"versions alone", "Changes:\n- 1.4.2 -> 1.4.3", true},
		{"versions alone, on a line", "Production: - 1.4.2 -> 1.4.3", true},
		{"other versions alone", "- 1.4.2 -> 1.4.9", false},
		{"tags alone that are no versions", "- main-4f3c2d1-17 -> main-9e8d7c6-18", false},
		{"a tag and a digest alone that are not there", "- 1.4.2" + digest("a") + " -> 1.4.3" + digest("b"), false},
		{"digests alone that are not there", "- " + digest("a")[1:] + " -> " + digest("b")[1:], false},
		{"no version at all of its image", "- app: old → new", false},
		{"a digest that is not there", "- ghcr.io/acme/app:1.4.2 -> ghcr.io/acme/app:1.4.3" + digest("a"), false},
		{"one too many", "- app: 1.4.2 → 1.4.3\n- web: 1.0.0 → 1.0.1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, marked := range []bool{false, true} {
				rules, facts, options := loadCase(t, "-- facts.yaml --\npull: {}\n"+good)
				facts.Pull.Body = c.body
				want, verdict := finding.Warning, finding.Pass
				if marked {
					facts.Pull.Body = proposal.Place("", c.body)
					want = finding.Error
				}
				if c.right {
					want = ""
				} else if marked {
					verdict = finding.Fail
				}
				got := gate.Judge(rules, facts, options)
				severity := finding.Severity("")
				for _, f := range got.Findings {
					if f.Rule == "text/body-mismatch" {
						severity = f.Severity
					}
				}
				if severity != want || got.Verdict() != verdict {
					t.Errorf("marked %t: %q and %s, want %q and %s: %v", marked, severity, got.Verdict(), want, verdict, got.Findings)
				}
			}
		})
	}
}
