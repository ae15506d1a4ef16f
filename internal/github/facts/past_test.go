package facts_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// TestPastIsTheRepositorys: what the base took back is the same in both programs, also
// where lists of commits have several pages, and where a file had another name.
func TestPastIsTheRepositorys(t *testing.T) {
	for name, story := range map[string]func(w *world){
		"several pages": func(w *world) {
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.line("main", w.git("rev-parse", "main"), w.git("rev-parse", "main^{tree}"), 230)
			w.git("reset", "-q", "--hard")
			w.commit("revert", "a.yaml", marked("1.0.0"))
		},
		"by a merge": func(w *world) {
			w.git("checkout", "-qb", "side")
			w.commit("beside", "b.yaml", "1")
			w.commit("and back", "a.yaml", marked("1.0.7"))
			w.commit("and forth", "a.yaml", marked("1.0.0"))
			w.git("checkout", "-q", "main")
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.git("merge", "-q", "--no-ff", "--no-commit", "side")
			w.commit("merge", "a.yaml", marked("1.0.0"))
		},
		"moved twice": func(w *world) {
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.git("rm", "-q", "a.yaml")
			w.commit("move and revert", "x/a.yaml", marked("1.0.0"))
			w.git("mv", "x/a.yaml", "b.yaml")
			w.git("commit", "-qm", "move")
			w.git("mv", "b.yaml", "a.yaml")
			w.git("commit", "-qm", "move back")
		},
		"renamed and taken back in one": func(w *world) {
			w.commit("bump", "a.yaml", marked("1.0.1"), "site.yaml", marked("1.0.1"))
			w.git("rm", "-q", "a.yaml")
			w.git("commit", "-qm", "away")
			w.git("rm", "-q", "site.yaml")
			w.commit("rename", "a.yaml", marked("1.0.0"))
		},
		"a wrong clock of who takes it back": func(w *world) {
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.Clock -= 200 * 24 * 60 * 60
			w.commit("revert", "a.yaml", marked("1.0.0"))
			w.Clock += 200 * 24 * 60 * 60
			w.commit("other", "b.yaml", "2")
		},
		"away and again": func(w *world) {
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.git("rm", "-q", "a.yaml")
			w.git("commit", "-qm", "away")
			w.commit("again", "a.yaml", marked("1.0.0"))
		},
		"once a link": func(w *world) {
			w.commit("bump", "a.yaml", marked("1.0.1"))
			link := w.gitInput("b.yaml", "hash-object", "-w", "--stdin")
			w.git("update-index", "--add", "--cacheinfo", "120000,"+link+",a.yaml")
			w.git("commit", "-qm", "link")
			w.git("reset", "-q", "--hard")
			w.git("rm", "-q", "a.yaml")
			w.commit("a file again", "a.yaml", marked("1.0.0"))
		},
		"too old": func(w *world) {
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.commit("revert", "a.yaml", marked("1.0.0"))
			w.Clock += 91 * 24 * 60 * 60
			w.commit("other", "b.yaml", "2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRepo(t)
			w.commit("start", "a.yaml", marked("1.0.0"))
			story(w)
			w.branch("head")
			w.commit("bump again", "a.yaml", marked("1.0.1"))
			w.serve(func(o *fakehub.Options) { o.Unchecked = name == "several pages" })
			w.sameFacts("main", "head")
			if past := w.local("main", "head").Past; past.Commits == 0 || past.Cut != "" {
				t.Errorf("%d commits, cut %q", past.Commits, past.Cut)
			}
		})
	}
}

// TestPastWithinRequests: a long history takes 30 requests at most, and what that leaves
// out is said.
func TestPastWithinRequests(t *testing.T) {
	w := newRepo(t)
	all := func(version string) (pairs []string) {
		for i := range 60 { // of which 10 commits fit a page
			pairs = append(pairs, fmt.Sprintf("%d.yaml", i), marked(version))
		}
		return pairs
	}
	w.commit("start", all("1.0.0")...)
	w.line("main", w.git("rev-parse", "main"), w.git("rev-parse", "main^{tree}"), 210)
	w.git("reset", "-q", "--hard")
	w.branch("head")
	w.commit("bump again", all("1.0.1")...)
	w.serve(func(o *fakehub.Options) { o.Unchecked = true })
	c := w.client(func(o *github.Options) { o.Budget = 5 * time.Minute })
	facts, err := c.Range(t.Context(), "main", "head")
	if err != nil {
		t.Fatal(err)
	}
	w.ResetLog()
	w.past(c, &facts, nil)
	if n := w.Count(); n > 30 || facts.Past.Commits != 199 || !strings.Contains(facts.Past.Cut, "too many requests") {
		t.Errorf("%d requests, %d commits, cut %q", n, facts.Past.Commits, facts.Past.Cut)
	}
}

// TestPastOfLongFiles: a version counts once for how much is read, also where it is what two
// commits made and changed; and one that is too long to be read keeps no other from it.
func TestPastOfLongFiles(t *testing.T) {
	w := newRepo(t)
	line := "# a comment that goes on and on\n"
	long := func(n int) string { return marked(fmt.Sprintf("1.0.%d", n)) + strings.Repeat(line, 12_000) }
	w.commit("start", "a.yaml", long(0), "b.yaml", marked("1.0.0"))
	w.commit("too long", "b.yaml", marked("1.0.1")+strings.Repeat(line, 200_000))
	for n := 1; n < 18; n++ {
		w.commit("bump", "a.yaml", long(n))
	}
	w.commit("short", "b.yaml", marked("1.0.1"))
	w.branch("head")
	w.commit("bump again", "a.yaml", long(18), "b.yaml", marked("1.0.2"))
	w.serve(func(o *fakehub.Options) { o.Unchecked = true })
	facts := w.pullFacts(w.open("head"))
	if n := len(facts.Past.Steps); n != 17 || !strings.Contains(facts.Past.Cut, `"b.yaml" could not be read`) {
		t.Errorf("%d steps, cut %q", n, facts.Past.Cut)
	}
}

// TestPastInTrouble: a page that takes too long is asked for in parts; where nothing helps,
// that is an error.
func TestPastInTrouble(t *testing.T) {
	w := typical(t, 1)
	w.git("checkout", "-q", "main")
	for i := range 8 {
		w.commit("other", "README.md", fmt.Sprint(i))
	}
	facts := w.pullFacts(w.open("flux"))
	whole := facts.Past.Commits
	w.AddFault(fakehub.Fault{On: "graphql/past", Status: 502, Times: 3}) // as often as a request is sent
	facts.Past = change.Past{}
	w.past(w.client(), &facts, nil)
	if facts.Past.Commits != whole || facts.Past.Cut != "" || whole < 8 {
		t.Errorf("%d commits of %d, cut %q", facts.Past.Commits, whole, facts.Past.Cut)
	}
	w.AddFault(fakehub.Fault{On: "graphql/past", Status: 502, Times: -1})
	err := w.client().Past(t.Context(), &facts, policy.Default().Lookback(time.Time{}))
	if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != github.Server {
		t.Errorf("got %v", err)
	}
}

// TestPastOfMassChanges: more files than can be asked for are said to be.
func TestPastOfMassChanges(t *testing.T) {
	w := typical(t, 1)
	facts := w.pullFacts(w.open("flux"))
	one := facts.Files[0]
	for i := range 600 {
		one.Path = fmt.Sprintf("apps/%d.yaml", i)
		facts.Files = append(facts.Files, one)
	}
	w.ResetLog()
	facts.Past = change.Past{}
	w.past(w.client(), &facts, nil)
	if n := w.Count(); n != 0 || !strings.Contains(facts.Past.Cut, "601 files are too many") {
		t.Errorf("%d requests, cut %q", n, facts.Past.Cut)
	}
}

// blurred answers with nothing under a key.
type blurred struct{ key *regexp.Regexp }

func (b *blurred) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	body = b.key.ReplaceAll(body, []byte("${1}null"))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, err
}

// TestPastWithoutParentsOrTimes: an answer that lacks what the line is followed by is no
// end of it.
func TestPastWithoutParentsOrTimes(t *testing.T) {
	w := typical(t, 1)
	facts := w.pullFacts(w.open("flux"))
	for _, key := range []string{`("parents":)\{"nodes":\[[^\]]*\]\}`, `("committedDate":)"[^"]*"`} {
		c := w.client(func(o *github.Options) { o.Transport = &blurred{regexp.MustCompile(key)} })
		if err := c.Past(t.Context(), &facts, policy.Default().Lookback(time.Time{})); err == nil ||
			!strings.Contains(err.Error(), "a commit is not as it was asked for") {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

// TestPastOfOtherFiles: an answer about other contents than were judged is not believed.
func TestPastOfOtherFiles(t *testing.T) {
	w := typical(t, 1)
	facts := w.pullFacts(w.open("flux"))
	facts.Files[0].Before.ID = strings.Repeat("1", 40)
	err := w.client().Past(t.Context(), &facts, policy.Default().Lookback(time.Time{}))
	if err == nil || !strings.Contains(err.Error(), "are others than were read") {
		t.Errorf("got %v", err)
	}
}
