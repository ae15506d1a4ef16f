package probe_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/hubtest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	pat "github.com/goldfish-inc/fluxkeeper/internal/token"
)

// made is a token's text with the checksum that GitHub gives it. None is written
// down whole, so that no scanner takes these sources for a leak.
func made(kind pat.Kind) string {
	random := strings.Repeat("fluxKeeper", 3)
	switch kind {
	case pat.FineGrained:
		return "github_pat_" + strings.Repeat("A1", 11) + "_" + strings.Repeat("b", 59)
	case pat.Installation:
		return "ghs" + "_815_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI4MTUifQ.c2lnbmF0dXJl"
	case pat.Legacy:
		return leaktest.Legacy
	}
	prefix := map[pat.Kind]string{pat.Classic: "ghp_", pat.OAuth: "gho_", pat.AppUser: "ghu_", pat.Refresh: "ghr_"}[kind]
	return prefix + random + pat.Checksum(random)
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// situation is one token on one hub, and what is to be said of it.
type situation struct {
	name string
	kind pat.Kind // fine-grained where it is empty
	// grant changes a token that is as it should be; hub and need likewise.
	grant func(*fakehub.Grant)
	hub   func(*fakehub.Options)
	need  func(*pat.Need)
	fault *fakehub.Fault
	owner fakehub.Account // whose profile is known
	text  string          // instead of a token of the kind
	name2 string          // what the token is called
	// want are rules, each with words of its message; asks is the most requests.
	want []string
	gaps int
	asks int
	// unsent says that GitHub must not be asked at all.
	unsent bool
}

// goodGrant is a token as the runbook wants it.
func goodGrant(kind pat.Kind) fakehub.Grant {
	g := fakehub.Grant{Kind: fakehub.FineGrained, Account: "acme-flux", Expires: noon.AddDate(0, 0, 60)}
	switch kind {
	case pat.Classic, pat.Legacy:
		g.Kind, g.Scopes, g.Repos = fakehub.Classic, []string{"repo"}, []string{hubtest.Fleet}
	case pat.OAuth:
		g.Kind, g.Scopes, g.Repos = fakehub.OAuthToken, []string{"repo"}, []string{hubtest.Fleet}
	case pat.Installation:
		g.Kind, g.Account, g.Repos = fakehub.AppToken, "keeper[bot]", []string{hubtest.Fleet}
		g.Permissions, g.Expires = map[string]string{"contents": "write", "pull_requests": "write"}, time.Time{}
	default:
		g.Repos, g.Permissions = []string{hubtest.Fleet}, map[string]string{"contents": "write", "pull_requests": "write"}
	}
	return g
}

// probed puts the situation on a hub, asks, and judges.
func (s situation) probed(t *testing.T, dir string) (pat.Observations, []finding.Finding, []string, *fakehub.Hub) {
	t.Helper()
	if s.kind == "" {
		s.kind = pat.FineGrained
	}
	repo := func(name string, public bool) fakehub.Repo {
		return fakehub.Repo{Dir: dir, Owner: "acme", Name: name, Public: public}
	}
	o := fakehub.Options{
		Repos: []fakehub.Repo{repo("fleet", false), repo("payroll", false)},
		Now:   func() time.Time { return noon }, ProbesOnly: true,
	}
	if s.hub != nil {
		s.hub(&o)
	}
	hub := fakehub.NewWith(t, o)
	text := s.text
	if text == "" {
		text = made(s.kind)
		g := goodGrant(s.kind)
		if s.grant != nil {
			s.grant(&g)
		}
		hub.AddToken(text, g)
	}
	if s.owner.Login != "" {
		hub.AddAccount(s.owner)
	}
	if s.fault != nil {
		hub.AddFault(*s.fault)
	}
	need := pat.ForFlux([]string{hubtest.Fleet}, false)
	if s.need != nil {
		s.need(&need)
	}
	seen, err := probe.Token(t.Context(), github.Options{FirstWait: time.Millisecond, Token: secret.New(text), APIURL: hub.URL,
		Budget: 20 * time.Second}, need)
	if err != nil {
		t.Fatal(err)
	}
	seen.Name = s.name2
	answer := pat.Judge(need, seen)
	return seen, answer.Findings, answer.Gaps, hub
}

// TestSituations is the matrix: each situation has exactly the findings that it
// should, within the bound of requests, and nothing that GitHub would have obeyed
// was sent (the hub fails the test on any such request).
func TestSituations(t *testing.T) {
	w := hubtest.NewRepo(t)
	w.Commit("start", "README.md", "hello\n")
	dir := w.GitDir()
	all := situations()
	if len(all) < 40 {
		t.Errorf("only %d situations", len(all))
	}
	most := 0
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			seen, findings, gaps, hub := s.probed(t, dir)
			compare(t, s.want, findings)
			if len(gaps) != s.gaps {
				t.Errorf("%d gaps, want %d: %q", len(gaps), s.gaps, gaps)
			}
			n := hub.Count()
			most = max(most, n)
			if n > 0 && s.unsent || n > probe.MaxRequests || s.asks > 0 && n > s.asks {
				t.Errorf("%d requests:\n%s", n, hub.Log())
			}
			data, err := json.Marshal(seen)
			if err != nil {
				t.Fatal(err)
			}
			shown := fmt.Sprintf("%s %+v %+v %q", data, seen, findings, gaps)
			for _, text := range []string{strings.TrimSpace(s.text), made(pat.FineGrained), made(pat.Classic), made(pat.Installation)} {
				if text != "" && strings.Contains(shown, text) {
					t.Error("the token is in what was seen")
				}
			}
			var again pat.Observations
			if err := json.Unmarshal(data, &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(seen, again); diff != "" {
				t.Errorf("observations do not come back from JSON:\n%s", diff)
			}
		})
	}
	t.Logf("%d situations, %d requests at most", len(all), most)
}

// compare holds findings against "rule words", in any order.
func compare(t *testing.T, want []string, got []finding.Finding) {
	t.Helper()
	left := append([]finding.Finding(nil), got...)
next:
	for _, w := range want {
		rule, words, _ := strings.Cut(w, " ")
		for i, f := range left {
			if f.Rule == "token/"+rule && strings.Contains(f.Message, words) {
				left = append(left[:i], left[i+1:]...)
				continue next
			}
		}
		t.Errorf("no finding %s", w)
	}
	for _, f := range left {
		t.Errorf("a finding too many: %s: %s", f.Rule, f.Message)
	}
}

// permission changes one permission; an empty level takes it away.
func permission(name, level string) func(*fakehub.Grant) {
	return func(g *fakehub.Grant) {
		g.Permissions = maps.Clone(g.Permissions)
		g.Permissions[name] = level
		if level == "" {
			delete(g.Permissions, name)
		}
	}
}

func scopes(list ...string) func(*fakehub.Grant) {
	return func(g *fakehub.Grant) { g.Scopes = list }
}

func refusal(why fakehub.Refusal) func(*fakehub.Grant) {
	return func(g *fakehub.Grant) { g.Refusal = why }
}

func expires(at time.Time) func(*fakehub.Grant) {
	return func(g *fakehub.Grant) { g.Expires = at }
}

func public(o *fakehub.Options) { o.Repos[0].Public = true }

// TestProbeRefusesMisuse: nothing is sent where the question makes no sense.
func TestProbeRefusesMisuse(t *testing.T) {
	for _, repositories := range [][]string{nil, {"fleet"}, {"acme/fleet", "a/b/c"}, {"acme/.."}} {
		_, err := probe.Token(t.Context(), github.Options{FirstWait: time.Millisecond, Token: secret.New(made(pat.Classic)),
			APIURL: "http://127.0.0.1:1"}, pat.ForFlux(repositories, false))
		if err == nil || !strings.Contains(err.Error(), "check token") {
			t.Errorf("%q: %v", repositories, err)
		}
	}
}

// TestProbeWithoutServer: what has no answer is a gap, not a pass.
func TestProbeWithoutServer(t *testing.T) {
	need := pat.ForFlux([]string{hubtest.Fleet}, false)
	seen, err := probe.Token(t.Context(), github.Options{FirstWait: time.Millisecond, Token: secret.New(made(pat.FineGrained)),
		APIURL: "http://127.0.0.1:1"}, need)
	if err != nil {
		t.Fatal(err)
	}
	answer := pat.Judge(need, seen)
	if answer.Verdict() != finding.Undecided || len(answer.Gaps) == 0 {
		t.Errorf("%s: %+v", answer.Verdict(), answer)
	}
}

func TestGitRoot(t *testing.T) {
	for api, want := range map[string]string{
		"": "https://github.com/", "https://api.github.com": "https://github.com/", "https://ghe.example.com/api/v3": "https://ghe.example.com/",
		"https://api.acme.ghe.com": "https://acme.ghe.com/", "http://127.0.0.1:8080": "http://127.0.0.1:8080/",
	} {
		if got, err := probe.GitRoot(api); err != nil || got != want {
			t.Errorf("%q: %q, %v", api, got, err)
		}
	}
}
