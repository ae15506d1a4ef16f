package flux_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// sound is a cluster without a finding.
func sound() flux.Cluster {
	return flux.Cluster{
		Namespace: "flux-system", Since: noon.Add(-30), Read: noon,
		Repositories: []flux.GitRepository{{Namespace: "flux-system", Name: "fleet", URL: "https://github.com/acme/fleet", Secret: "github-token",
			Branch: "main"}},
		Secrets: []flux.Secret{{Namespace: "flux-system", Name: "github-token", Keys: []flux.Key{
			{Name: "password", Fingerprint: "one"}, {Name: "username"},
		}}},
		Automations: []flux.Automation{{
			Namespace: "flux-system", Name: "fleet", Source: "fleet", PushBranch: "flux-image-updates", UpdatePath: "./apps",
			AuthorName: "fluxcdbot", AuthorEmail: "fluxcdbot@users.noreply.github.com", LastRun: noon, LastPush: noon,
			LastPushCommit: "27c240778a1e",
		}},
	}
}

func rulesOf(findings []finding.Finding) (names []string) {
	for _, f := range findings {
		names = append(names, f.Rule)
	}
	return slices.Compact(names)
}

// TestSecretKeys goes through the ways in which Flux authenticates, and what of
// a Secret it refuses or takes no notice of.
func TestSecretKeys(t *testing.T) {
	for _, c := range []struct {
		url, provider, keys string
		words               string // of the finding; empty: none
	}{
		{"https://github.com/acme/fleet", "", "username password", ""},
		{"https://github.com/acme/fleet", "generic", "username password token ca.crt", ""},
		{"https://github.com/acme/fleet", "", "token", "goes anonymous, without an error"},
		{"https://github.com/acme/fleet", "", "github_token", "no key that Flux authenticates with"},
		{"https://github.com/acme/fleet", "", "", "no key that Flux authenticates with"},
		{"https://github.com/acme/fleet", "", "password", "password without username"},
		{"https://github.com/acme/fleet", "", "password token", "password without username"},
		{"https://github.com/acme/fleet", "", "username token", "username without password"},
		{"https://github.com/acme/fleet", "", "bearerToken", "does not take from git"},
		{"https://github.com/acme/fleet", "", "bearerToken username password", "beside username and password"},
		{"https://github.com/acme/fleet", "github", "githubAppID githubAppPrivateKey githubAppInstallationID", ""},
		{"https://github.com/acme/fleet", "github", "githubAppID githubAppPrivateKey githubAppInstallationOwner", ""},
		{"https://github.com/acme/fleet", "github", "githubAppID githubAppPrivateKey", "both or none"},
		{"https://github.com/acme/fleet", "github", "githubAppID githubAppPrivateKey githubAppInstallationOwner githubAppInstallationID",
			"both or none"},
		{"https://github.com/acme/fleet", "github", "username password", "lacks keys of a GitHub App"},
		{"https://github.com/acme/fleet", "", "githubAppID githubAppPrivateKey githubAppInstallationID", "does not say spec.provider: github"},
		{"ssh://git@github.com/acme/fleet", "", "identity known_hosts", ""},
		{"ssh://git@github.com/acme/fleet", "", "identity", "lacks identity or known_hosts"},
		{"ssh://git@github.com/acme/fleet", "", "username password", "lacks identity or known_hosts"},
	} {
		cluster := sound()
		cluster.Repositories[0].URL, cluster.Repositories[0].Provider = c.url, c.provider
		cluster.Secrets[0].Keys = nil
		for name := range strings.FieldsSeq(c.keys) {
			cluster.Secrets[0].Keys = append(cluster.Secrets[0].Keys, flux.Key{Name: name})
		}
		found := finding.Together(flux.Examine(cluster, flux.Expectation{Repository: "acme/fleet"})).Findings
		switch {
		case c.words == "" && len(found) > 0:
			t.Errorf("%s %q %q: %+v", c.url, c.provider, c.keys, found)
		case c.words != "" && (len(found) != 1 || found[0].Rule != "cluster/secret-keys" || !strings.Contains(found[0].Message, c.words)):
			t.Errorf("%s %q %q: %+v, want %q", c.url, c.provider, c.keys, found, c.words)
		}
	}
}

// TestJudge changes one thing at a time in a cluster where all is well.
func TestJudge(t *testing.T) {
	policy := policy.Default()
	for name, c := range map[string]struct {
		change func(*flux.Cluster, *flux.Expectation)
		want   []string
	}{
		"nothing": {func(*flux.Cluster, *flux.Expectation) {}, nil},
		"a token in the URL": {func(c *flux.Cluster, _ *flux.Expectation) {
			c.Repositories[0].URL = "https://git:x@github.com/acme/fleet"
		}, []string{"cluster/url"}},
		"a user alone in the URL": {func(c *flux.Cluster, _ *flux.Expectation) {
			c.Repositories[0].URL = "https://x@github.com/acme/fleet"
		}, []string{"cluster/url"}},
		"a refspec": {func(c *flux.Cluster, _ *flux.Expectation) {
			c.Automations[0].Refspec = "refs/heads/main:refs/heads/main"
		}, []string{"cluster/pushes-to-base"}},
		"the base as push branch": {func(c *flux.Cluster, _ *flux.Expectation) { c.Automations[0].PushBranch = "main" },
			[]string{"cluster/branch-drift", "cluster/pushes-to-base"}},
		"another base": {func(_ *flux.Cluster, e *flux.Expectation) { e.Policy.Base = []string{"release"} },
			[]string{"cluster/branch-drift"}},
		"a workflow folder": {func(c *flux.Cluster, _ *flux.Expectation) {
			c.Automations[0].UpdatePath = "./.github/workflows"
		}, []string{"cluster/update-path"}},
		"a workflow folder that is meant": {func(c *flux.Cluster, e *flux.Expectation) {
			c.Automations[0].UpdatePath, e.Policy.Uses.Workflows = "./.github/workflows", []string{".github/workflows/ci.yml"}
		}, nil},
		"two tokens in the Secret": {func(c *flux.Cluster, _ *flux.Expectation) {
			c.Secrets[0].Keys = append(c.Secrets[0].Keys, flux.Key{Name: "token", Fingerprint: "two"})
		}, []string{"cluster/token-differs"}},
		"one token twice": {func(c *flux.Cluster, _ *flux.Expectation) {
			c.Secrets[0].Keys = append(c.Secrets[0].Keys, flux.Key{Name: "token", Fingerprint: "one"})
		}, nil},
		"another copy": {func(_ *flux.Cluster, e *flux.Expectation) {
			e.Copies = []flux.Copy{{Where: "ESC", Fingerprint: "two"}}
		}, []string{"cluster/token-differs"}},
		"stopped by its condition": {func(c *flux.Cluster, _ *flux.Expectation) {
			c.Automations[0].Conditions = []flux.Condition{{Type: "Stalled", Status: "True", Reason: "RemovedTemplateField",
				Message: "template uses removed '.Updated' field. Please use '.Changed' instead.", Time: noon}}
		}, []string{"cluster/configuration-failed"}},
	} {
		cluster, own := sound(), policy
		expect := flux.Expectation{Repository: "acme/fleet", Policy: &own}
		c.change(&cluster, &expect)
		found := finding.Together(flux.Examine(cluster, expect)).Findings
		if diff := cmp.Diff(c.want, rulesOf(found)); diff != "" {
			t.Errorf("%s: %s%+v", name, diff, found)
		}
	}
}

// TestLastPush asks for a push within the window: less proves nothing.
func TestLastPush(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*flux.Automation)
		want   finding.State
	}{
		"within": {func(*flux.Automation) {}, finding.OK},
		"before": {func(a *flux.Automation) { a.LastPush = noon.AddDate(0, 0, -1) }, finding.Gap},
		"never":  {func(a *flux.Automation) { a.LastPush, a.LastPushCommit = time.Time{}, "" }, finding.Gap},
	} {
		cluster := sound()
		c.change(&cluster.Automations[0])
		for _, check := range flux.Examine(cluster, flux.Expectation{}) {
			if check.Name == flux.CheckPush && check.State() != c.want {
				t.Errorf("%s: %s", name, check.State())
			}
		}
		for _, check := range flux.Examine(cluster, flux.Expectation{TokenWorks: true}) {
			said := strings.Contains(strings.Join(check.Evidence, "\n"), "GitHub says that the token may push")
			if check.Name == flux.CheckPush && (check.State() != finding.OK || said != (c.want == finding.Gap)) {
				t.Errorf("%s, with a token that works: %+v", name, check)
			}
		}
	}
}

// TestBranches: those of the automation that pushes to a branch of its own.
func TestBranches(t *testing.T) {
	cluster := flux.Cluster{
		Repositories: []flux.GitRepository{
			{Namespace: "flux-system", Name: "fleet", URL: "https://github.com/acme/fleet", Branch: "prod"},
			{Namespace: "flux-system", Name: "other", URL: "https://github.com/acme/other", Branch: "main"},
		},
		Automations: []flux.Automation{
			{Namespace: "flux-system", Name: "a", Source: "other", PushBranch: "other-updates"},
			{Namespace: "flux-system", Name: "b", Source: "fleet", PushBranch: "updates", SigningKey: "key"},
		},
	}
	if b := cluster.Branches("acme/fleet"); b != (doctor.Branches{Head: "updates", Base: "prod", Signs: true}) {
		t.Errorf("%+v", b)
	}
	cluster.Automations[1].PushBranch = "prod" // which is a finding of the cluster's
	if b := cluster.Branches("acme/fleet"); b != (doctor.Branches{}) {
		t.Errorf("%+v", b)
	}
}
