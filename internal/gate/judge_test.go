package gate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gatetest"
)

func loadCase(t *testing.T, text string) (policy.Policy, change.Facts, gate.Options) {
	t.Helper()
	rules, facts, options, err := gatetest.Load(txtar.Parse([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return rules, facts, options
}

// summary is the verdict and then "severity rule" of each finding, without the
// word that no ImagePolicy and no automation is known, which most cases have.
func summary(r gate.Result) []string {
	out := []string{string(r.Verdict())}
	for _, f := range r.Findings {
		if f.Rule != "policy/orphan-marker" && f.Rule != "policy/no-automation" {
			out = append(out, string(f.Severity)+" "+f.Rule)
		}
	}
	return slices.Compact(out)
}

// steps is one line for each update.
func steps(r gate.Result) []string {
	var out []string
	for _, u := range r.Updates {
		out = append(out, fmt.Sprintf("%s:%d %s %s %s %s", u.File, u.Line, u.Image, u.From, u.To, u.Step))
	}
	return out
}

// good is an honest change; most cases add to it.
const good = `-- base/app.yaml --
image: ghcr.io/acme/app:1.4.2 # {"$imagepolicy": "flux-system:app"}
-- head/app.yaml --
image: ghcr.io/acme/app:1.4.3 # {"$imagepolicy": "flux-system:app"}
`

const bots = `-- policy.yaml --
version: 1
bots: [{login: acme-flux, id: 4242, name: fluxcdbot, email: fluxcdbot@users.noreply.github.com}]
`

// judged is a case with its verdict, findings and updates.
type judged struct {
	name, in string
	want     []string
	steps    []string
}

func (c judged) run(t *testing.T) {
	rules, facts, options := loadCase(t, c.in)
	got := gate.Judge(rules, facts, options)
	gaps := facts.Gaps
	if facts.Crosswise && slices.Contains(c.want, "undecided") {
		gaps = append(gaps, change.CrosswiseGap)
	}
	if diff := cmp.Diff(gaps, got.Gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.want, summary(got)); diff != "" {
		t.Errorf("verdict and findings (-want +got):\n%s%v", diff, got.Findings)
	}
	if diff := cmp.Diff(c.steps, steps(got)); c.steps != nil && diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
}

func TestJudge(t *testing.T) {
	const sha1, sha2 = "sha256:1111111111111111111111111111111111111111111111111111111111111111",
		"sha256:2222222222222222222222222222222222222222222222222222222222222222"
	for _, c := range []judged{
		{name: "honest", in: good, want: []string{"pass"}, steps: []string{"app.yaml:1 ghcr.io/acme/app 1.4.2 1.4.3 patch"}},
		// The boundary of what is ours to judge.
		{name: "branch of a person without marked changes",
			in: "-- facts.yaml --\nhead-ref: feature\n-- base/a.yaml --\na: 1\n-- head/a.yaml --\na: 2\n", want: []string{"not-applicable"}},
		{name: "branch of a person with a marked change", in: "-- facts.yaml --\nhead-ref: feature\n" + good,
			want: []string{"fail", "error identity/branch"}},
		{name: "branch of a person that removes a marked place",
			in: "-- facts.yaml --\nhead-ref: feature\nremoved: [app.yaml]\n-- base/app.yaml --\nimage: a:1.4.2 # {\"$imagepolicy\": " +
				"\"flux-system:app\"}\n", want: []string{"fail", "error identity/branch", "error scope/file-removed"}},
		{name: "branch of a person that breaks a marked file",
			in: "-- facts.yaml --\nhead-ref: feature\n-- base/app.yaml --\nimage: a:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n-- " +
				"head/app.yaml --\nimage: {a # {\"$imagepolicy\": \"flux-system:app\"}\n",
			want: []string{"fail", "error identity/branch", "error scope/residue", "error yaml/unreadable"}},
		{name: "marker in a text that Flux does not read",
			in: "-- facts.yaml --\nhead-ref: feature\n-- base/a.md --\na: 1 # {\"$imagepolicy\": \"flux-system:app\"}\n-- head/a.md --\na: 2 # " +
				"{\"$imagepolicy\": \"flux-system:app\"}\n", want: []string{"not-applicable"}},
		{name: "bot's branch without marked changes", in: "-- base/a.sh --\na\n-- head/a.sh --\nb\n",
			want: []string{"fail", "error scope/not-flux-file"}},
		{name: "bot's branch without any change", in: "-- base/a.yaml --\na: 1\n", want: []string{"pass"}},
		{name: "gap off the branch", in: "-- facts.yaml --\nhead-ref: feature\ngaps: [a truncated list]\n-- base/a.yaml --\na: 1\n-- " +
			"head/a.yaml --\na: 2\n", want: []string{"undecided"}},
		{name: "gap on the branch", in: "-- facts.yaml --\ngaps: [a truncated list]\n" + good, want: []string{"undecided"}},
		{name: "fork with the bot's branch name and nothing marked",
			in:   "-- facts.yaml --\npull: {head-repo: 7}\n-- base/a.yaml --\na: 1\n-- head/a.yaml --\na: 2\n",
			want: []string{"fail", "error identity/fork", "error scope/not-flux-file"}},
		{name: "fork that the policy file would let in",
			in: "-- policy.yaml --\nversion: 1\nrules: {identity/fork: {severity: off, reason: none}}\n-- facts.yaml --\npull: {head-repo: 7}\n" +
				good, want: []string{"fail", "error identity/fork"}},
		{name: "residue that the policy file would hide",
			in: "-- policy.yaml --\nversion: 1\nrules: {scope/residue: {severity: off, reason: none}}\n-- base/a.yaml --\na: 1\ni: x:1.0.0 # " +
				"{\"$imagepolicy\": \"flux-system:app\"}\n-- head/a.yaml --\na: 2\ni: x:1.0.1 # {\"$imagepolicy\": \"flux-system:app\"}\n",
			want: []string{"pass", "warning scope/residue"}},

		// Places of one policy.
		{name: "left behind in the directory", in: good + mark("base/b.yaml", "ghcr.io/acme/app:1.4.2"),
			want: []string{"fail", "error policy/straggler"}},
		{name: "left behind elsewhere", in: good + mark("base/b/b.yaml", "ghcr.io/acme/app:1.4.2"),
			want: []string{"pass", "warning policy/straggler"}},
		{name: "left behind as a tag", in: good + "-- base/b.yaml --\ntag: 1.4.2 # {\"$imagepolicy\": \"flux-system:app:tag\"}\n",
			want: []string{"fail", "error policy/straggler"}},
		{name: "another policy left alone", in: good + "-- base/b.yaml --\nimage: b:1.4.2 # {\"$imagepolicy\": \"flux-system:b\"}\n",
			want: []string{"pass"}},
		{name: "two new values", in: good + mark("base/b/b.yaml", "ghcr.io/acme/app:1.4.2") + mark("head/b/b.yaml", "ghcr.io/acme/app:1.4.4"),
			want: []string{"fail", "error policy/straggler"}},
		{name: "another image under one marker", in: good + mark("base/b/b.yaml", "ghcr.io/evil/app:1.4.2") +
			mark("head/b/b.yaml", "ghcr.io/evil/app:1.4.3"), want: []string{"fail", "error policy/straggler"}},

		// Name, tag and digest.
		{name: "joined", in: values("base", "ghcr.io/acme/app", "1.4.2", sha1) + values("head", "ghcr.io/acme/app", "1.5.0", sha2),
			want: []string{"pass"}, steps: []string{"v.yaml:3 ghcr.io/acme/app 1.4.2 1.5.0 minor"}},
		{name: "joined, name changes", in: values("base", "ghcr.io/acme/app", "1.4.2", sha1) + values("head", "ghcr.io/evil/app", "1.4.2", sha1),
			want: []string{"fail", "error version/image-changed"}, steps: []string{"v.yaml:2 ghcr.io/evil/app 1.4.2 1.4.2 incomparable"}},
		{name: "joined, digest moves alone", in: values("base", "ghcr.io/acme/app", "1.4.2", sha1) + values("head", "ghcr.io/acme/app", "1.4.2",
			sha2),
			want: []string{"fail", "error version/digest-moved"}, steps: []string{"v.yaml:4 ghcr.io/acme/app " + sha1 + " " + sha2 + " digest"}},
		{name: "joined, tag moves alone", in: values("base", "ghcr.io/acme/app", "1.4.2", sha1) + values("head", "ghcr.io/acme/app", "1.4.3",
			sha1),
			want: []string{"pass", "warning version/digest-kept"}, steps: []string{"v.yaml:3 ghcr.io/acme/app 1.4.2 1.4.3 patch"}},
		{name: "joined, digest emptied", in: values("base", "ghcr.io/acme/app", "1.4.2", sha1) + values("head", "ghcr.io/acme/app", "1.4.3",
			`""`),
			want: []string{"fail", "error version/digest-dropped"}, steps: []string{"v.yaml:3 ghcr.io/acme/app 1.4.2 1.4.3 patch"}},
		{name: "digest in another mapping",
			in: "-- base/v.yaml --\na:\n  tag: 1.4.2 # {\"$imagepolicy\": \"flux-system:app:tag\"}\nb:\n  digest: " + sha1 +
				" # {\"$imagepolicy\": \"flux-system:app:digest\"}\n" +
				"-- head/v.yaml --\na:\n  tag: 1.4.3 # {\"$imagepolicy\": \"flux-system:app:tag\"}\nb:\n  digest: " + sha2 +
				" # {\"$imagepolicy\": \"flux-system:app:digest\"}\n",
			want: []string{"pass"}, steps: []string{"v.yaml:2  1.4.2 1.4.3 patch"}},
		{name: "scheme lost", in: values("base", "oci://ghcr.io/acme/app", "1.4.2", sha1) + values("head", "ghcr.io/acme/app", "1.4.3", sha2),
			want: []string{"fail", "error policy/form-mismatch"}},
		{name: "reference in a tag field, as before",
			in: "-- base/v.yaml --\ntag: a/b:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n-- head/v.yaml --\ntag: a/b:1.4.3 # " +
				"{\"$imagepolicy\": \"flux-system:app\"}\n",
			want: []string{"pass", "warning policy/form-mismatch"}},
		{name: "bare tag in an image field, a reference before",
			in: "-- base/v.yaml --\nimage: a/b:1.4.2 # {\"$imagepolicy\": \"flux-system:app:tag\"}\n-- head/v.yaml --\nimage: 1.4.3 # " +
				"{\"$imagepolicy\": \"flux-system:app:tag\"}\n",
			want: []string{"fail", "error policy/form-mismatch", "error version/not-semver"}},
		{name: "reference under a tag marker, as before",
			in: "-- base/v.yaml --\ntag: a/b:1.4.2 # {\"$imagepolicy\": \"flux-system:app:tag\"}\n-- head/v.yaml --\ntag: a/b:1.4.3 # " +
				"{\"$imagepolicy\": \"flux-system:app:tag\"}\n",
			want: []string{"fail", "error policy/form-mismatch", "error version/not-semver"}},

		// ImagePolicies.
		{name: "tie that agrees on the tag", in: good + policyAt("e", "1.x", "") + policyAt("w", "1.4.x", ""),
			want: []string{"pass", "warning policy/ambiguous"}},
		{name: "tie of which one refuses", in: good + policyAt("e", "1.x", "") + policyAt("w", "1.3.x", ""),
			want: []string{"fail", "error policy/out-of-range", "warning policy/ambiguous"}},
		{name: "tie of equals", in: good + policyAt("e", "1.x", "") + policyAt("w", "1.x", ""), want: []string{"pass"}},
		{name: "nearest wins", in: mark("base/e/app.yaml", "a:1.4.2") + mark("head/e/app.yaml", "a:1.4.3") + policyAt("e", "1.x", "") +
			policyAt("w", "1.3.x", ""), want: []string{"pass"}},
		{name: "digest that no policy reflects", in: mark("base/app.yaml", "a:1.4.2") + mark("head/app.yaml", "a:1.4.3@"+sha1) +
			policyAt("e", "1.x", ""), want: []string{"fail", "error policy/out-of-range", "error version/digest-gained"}},
		{name: "digest that the policy reflects", in: mark("base/app.yaml", "a:1.4.2@"+sha2) + mark("head/app.yaml", "a:1.4.3@"+sha1) +
			policyAt("e", "1.x", "digestReflectionPolicy: IfNotPresent, "), want: []string{"pass"}},

		// Overrides.
		{name: "override on its last day", in: major("2026-11-22"), want: []string{"pass"}},
		{name: "override a day later", in: major("2026-11-21"), want: []string{"fail", "error version/major", "note policy/override-ended"}},
		{name: "override of the new name does not help the old",
			in: "-- policy.yaml --\nversion: 1\nimages: [{match: ghcr.io/lax/*, allow: [patch, image-changed], reason: lax}]\n" +
				mark("base/app.yaml", "ghcr.io/acme/app:1.4.2") + mark("head/app.yaml", "ghcr.io/lax/app:1.4.3"),
			want: []string{"fail", "error version/image-changed"}},
		{name: "too many", in: "-- policy.yaml --\nversion: 1\nlimits: {updates: 1}\n" + good +
			"-- base/b/b.yaml --\nimage: b:1.4.2 # {\"$imagepolicy\": \"flux-system:b\"}\n-- head/b/b.yaml --\nimage: b:1.4.3 # " +
			"{\"$imagepolicy\": \"flux-system:b\"}\n",
			want: []string{"fail", "error scope/too-many"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t)
		})
	}
}

func mark(file, value string) string {
	return fmt.Sprintf("-- %s --\nimage: %s # {\"$imagepolicy\": \"flux-system:app\"}\n", file, value)
}

func values(side, name, tag, digest string) string {
	return fmt.Sprintf(`-- %s/v.yaml --
image:
  repository: %s # {"$imagepolicy": "flux-system:app:name"}
  tag: %s # {"$imagepolicy": "flux-system:app:tag"}
  digest: %s # {"$imagepolicy": "flux-system:app:digest"}
`, side, name, tag, digest)
}

func policyAt(dir, semver, more string) string {
	return fmt.Sprintf("-- base/%s/policy.yaml --\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: app, "+
		"namespace: flux-system}\nspec: {%spolicy: {semver: {range: %q}}}\n", dir, more, semver)
}

func major(until string) string {
	return "-- policy.yaml --\nversion: 1\nimages: [{match: ghcr.io/acme/app, allow: [major], until: " + until + ", reason: move}]\n" +
		mark("base/app.yaml", "ghcr.io/acme/app:1.4.2") + mark("head/app.yaml", "ghcr.io/acme/app:2.0.0")
}

// The keys were made for this test; their fingerprints are as ssh-keygen and
// gpg print them.
const (
	signingKey   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA flux"
	signingPrint = "SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk"
)

const (
	openpgpPrint = "B34123845F81FBA46DEF8738CAFF409B59016A2F"
	openpgpKey   = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawOeQxYJKwYBBAHaRw8BAQdAY9lBc/ttP9VdumCNN0kettJbYB9fDwxkEl3t
h7Dv2sy0F2ZsdXggPGZsdXhAZXhhbXBsZS5jb20+iJYEExYIAD4WIQSzQSOEX4H7
pG3vhzjK/0CbWQFqLwUCawOeQwIbAwUJWn1w/QULCQgHAgYVCgkICwIEFgIDAQIe
AQIXgAAKCRDK/0CbWQFqLyp0AP9x09I/0cnfUaEnVJB+wD513WIl4agWY8b0GdnW
JpJOqQD9E174bTRMBmphFfbH7qpjS40Uw9vzWcdiA8RwAQxSJg4=
=Lxa0
-----END PGP PUBLIC KEY BLOCK-----
`
)

// TestPinnedKeys holds every form of a pinned key against a fingerprint.
func TestPinnedKeys(t *testing.T) {
	for _, c := range []struct {
		key, print string
		want       policy.Evidence
	}{
		{signingKey, signingPrint, policy.EvidenceKey},
		{signingPrint, signingPrint, policy.EvidenceKey},
		{openpgpKey, openpgpPrint, policy.EvidenceKey},
		{openpgpPrint, openpgpPrint, policy.EvidenceKey},
		{strings.ToLower(openpgpPrint), openpgpPrint, policy.EvidenceKey},
		{openpgpKey, openpgpPrint[24:], policy.EvidenceSignature}, // a short id proves nothing
		{openpgpKey, signingPrint, policy.EvidenceSignature},
		{"", signingPrint, policy.EvidenceSignature},
		{"nonsense", "", policy.EvidenceSignature},
	} {
		rules, facts, options := loadCase(t, good)
		rules.Bots[0].Keys = []string{c.key}
		facts.Commits[0].Verification = change.Verification{Kind: "openpgp", Verified: true, Key: c.print}
		if got := gate.Judge(rules, facts, options); got.Evidence != c.want || (got.Verdict() == finding.Pass) != (c.want == policy.EvidenceKey) {
			t.Errorf("key %.40q signed by %q: %s with evidence %s, want %s", c.key, c.print, got.Verdict(), got.Evidence, c.want)
		}
	}
}

// TestIgnoreIdentity holds that contents alone are judged when asked so.
func TestIgnoreIdentity(t *testing.T) {
	rules, facts, options := loadCase(t,
		"-- facts.yaml --\ncommits: [{author: M <m@x>}]\nhead-ref: ''\npull: {body: '- app: 1 → 2', head-repo: 7}\n"+good)
	options.IgnoreIdentity = true
	if got := summary(gate.Judge(rules, facts, options)); !slices.Equal(got, []string{"pass"}) {
		t.Errorf("got %v", got)
	}
	rules, facts, options = loadCase(t, "-- base/a.yaml --\na: 1\n-- head/a.yaml --\na: 2\n")
	options.IgnoreIdentity = true
	if got := summary(gate.Judge(rules, facts, options)); !slices.Equal(got, []string{"not-applicable"}) {
		t.Errorf("nothing marked: got %v", got)
	}
}

// TestOrder holds that the order of the facts makes no difference.
func TestOrder(t *testing.T) {
	in := good
	for i := range 40 {
		for side, version := range map[string]string{"base": "1.0.0", "head": fmt.Sprintf("1.%d.0", i%3+1)} {
			in += fmt.Sprintf("-- %s/d%02d/app.yaml --\nimage: ghcr.io/acme/a:%s # {\"$imagepolicy\": \"flux-system:a\"}\nb: %s\n", side, i, version,
				side)
		}
		in += mark(fmt.Sprintf("base/s%02d/app.yaml", i), "ghcr.io/acme/app:1.4.2") + policyAt(fmt.Sprintf("p%02d", i),
			fmt.Sprintf("1.%d.x", i%4), "")
	}
	rules, facts, options := loadCase(t, in)
	want := gate.Judge(rules, facts, options)
	if len(want.Findings) < 40 || len(want.Updates) < 40 {
		t.Fatalf("the case is too small: %d findings, %d updates", len(want.Findings), len(want.Updates))
	}
	slices.Reverse(facts.Files)
	slices.Reverse(facts.Bystanders)
	slices.Reverse(facts.Policies)
	for range 3 {
		if diff := cmp.Diff(want, gate.Judge(rules, facts, options)); diff != "" {
			t.Fatalf("(-first +reversed):\n%s", diff)
		}
	}
}
