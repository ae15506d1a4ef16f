package facts_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// farAway is a repository whose ImagePolicy lies behind more files than a few
// requests hold, with more files as given.
func farAway(t *testing.T, pairs ...string) *world {
	w := newRepo(t)
	for i := range 450 {
		w.write(fmt.Sprintf("far/%d.yaml", i), fmt.Sprint("number: ", i, "\n"))
	}
	w.write("apps/a.yaml", marked("1.0.0"), "z/policies/policy.yaml", imagePolicy)
	w.commit("start", pairs...)
	w.branch("flux")
	w.commit("bump", "apps/a.yaml", marked("1.0.1"))
	return w.serve(func(o *fakehub.Options) { o.Unchecked = true })
}

// The archive gives what git has, whatever .gitattributes does to it.
func TestSameFactsThroughTheArchive(t *testing.T) {
	for name, pairs := range map[string][]string{
		"plain":            nil,
		"hidden policies":  {".gitattributes", "z/policies export-ignore\n"},
		"hidden by itself": {"z/.gitattributes", "* export-ignore\n"},
		"filled in":        {".gitattributes", "*.yaml export-subst\n", "z/policies/policy.yaml", imagePolicy + "# $Format:%H$\n"},
		"other line ends":  {".gitattributes", "*.yaml text eol=crlf\n"},
		"a large file":     {"z/policies/policy.yaml", imagePolicy + strings.Repeat("# a comment that goes on and on\n", 20_000)},
	} {
		t.Run(name, func(t *testing.T) {
			w := farAway(t, pairs...)
			want := comparable(w.local("main", "flux"))
			got := comparable(w.pullFacts(w.open("flux")))
			if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
				t.Errorf("from git to the API:\n%s", diff)
			}
			if len(got.Policies) != 1 || len(got.Unsearched) > 0 {
				t.Errorf("policies %v, %q unsearched", got.Policies, got.Unsearched)
			}
			if n := w.Count(fakehub.ArchiveOperation); n != 1 {
				t.Errorf("%d archives were read", n)
			}
			if n := w.Count(); n > 14 {
				t.Errorf("%d requests:\n%s", n, w.Log())
			}
		})
	}
}

// Where the few requests held what matters, no archive is asked for.
func TestNoArchiveWithoutNeed(t *testing.T) {
	w := farAway(t, "apps/policy.yaml", imagePolicy)
	facts := w.pullFacts(w.open("flux"))
	if n := w.Count(fakehub.ArchiveOperation); n != 0 || len(facts.Unsearched) == 0 {
		t.Errorf("%d archives were read, %d files unsearched", n, len(facts.Unsearched))
	}
}

// An archive that cannot be had is a gap, which does not show where it is.
func TestArchiveThatFails(t *testing.T) {
	for name, fault := range map[string]fakehub.Fault{
		"gone":      {On: fakehub.ArchiveOperation, Status: 404},
		"refused":   {On: "repos/download-tarball-archive", Status: 403, Message: "Not for you"},
		"cut short": {On: fakehub.ArchiveOperation, Cut: true},
		"reset":     {On: fakehub.ArchiveOperation, Reset: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := farAway(t)
			w.AddFault(fault)
			facts, err := w.client().Pull(t.Context(), w.open("flux"))
			if err != nil || len(facts.Gaps) != 1 || !strings.Contains(facts.Gaps[0], "read the archive of commit ") || facts.Settled() {
				t.Errorf("%v, gaps %q", err, facts.Gaps)
			}
			if said := fmt.Sprint(facts.Gaps, err); strings.Contains(said, fakehub.ArchiveKey) || strings.Contains(said, "legacy.tar.gz") {
				t.Errorf("the address is told: %s", said)
			}
		})
	}
}

// Nor does the error of a connection that names the address.
func TestArchiveUnreached(t *testing.T) {
	w := farAway(t)
	c := w.client(func(o *github.Options) { o.Transport = unreached{} })
	_, err := c.Archive(t.Context(), w.git("rev-parse", "main"))
	if github.KindOf(err) != github.Network || strings.Contains(err.Error(), fakehub.ArchiveKey) {
		t.Errorf("error %v", err)
	}
}

// unreached does not reach the server of the archives.
type unreached struct{}

func (unreached) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Has("token") {
		return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New("no route to host")}
	}
	return http.DefaultTransport.RoundTrip(r)
}
