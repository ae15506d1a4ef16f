package facts_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/facts"
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
			if n := w.Count(); n > 15 {
				t.Errorf("%d requests:\n%s", n, w.Log())
			}
		})
	}
}

const pointer = "version https://git-lfs.github.com/spec/v1\n" +
	"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n" +
	"size 12345\n"

// What LFS has instead of a file is in the archive, where the repository is set so,
// and in Git is a pointer. Flux and the gate go by what is in Git.
func TestArchiveWithLargeFiles(t *testing.T) {
	lax := strings.Replace(imagePolicy, "range: 1.x", `range: ">=0.0.0"`, 1)
	for name, kept := range map[string]string{"a pointer": pointer, "a policy": imagePolicy} {
		t.Run(name, func(t *testing.T) {
			w := farAway(t, ".gitattributes", "z/policies/* filter=lfs\n", "z/policies/policy.yaml", kept)
			w.write("../object.yaml", lax)
			w.git("config", "filter.lfs.smudge", "cat '"+filepath.Join(filepath.Dir(w.Dir), "object.yaml")+"'")
			if archived := w.git("archive", "main", "z/policies/policy.yaml"); !strings.Contains(archived, ">=0.0.0") {
				t.Fatalf("the archive does not hold the large file: %q", archived)
			}
			want, got := comparable(w.local("main", "flux")), comparable(w.pullFacts(w.open("flux")))
			if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
				t.Errorf("from git to the API:\n%s", diff)
			}
			if n := len(got.Policies); n != strings.Count(kept, "kind: ImagePolicy") || n == 1 && got.Policies[0].Range != "1.x" ||
				len(got.Unsearched) > 0 {
				t.Errorf("policies %+v, %q unsearched", got.Policies, got.Unsearched)
			}
		})
	}
}

// A policy of another name that a kustomization far away has among its resources is read,
// or else known to be there.
func TestResourcesBehindTheArchive(t *testing.T) {
	w := farAway(t, "z/kustomization.yaml", "resources: [policies/policy.yaml, policy.json]\n", "z/policy.json", imagePolicy,
		"package.json", "{}")
	want, got := comparable(w.local("main", "flux")), comparable(w.pullFacts(w.open("flux")))
	if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" || len(got.Policies) != 2 || len(got.Unsearched) > 0 {
		t.Errorf("policies %v, %q unsearched, from git to the API:\n%s", got.Policies, got.Unsearched, diff)
	}
}

// Beyond its bounds of bytes and seconds an archive is a gap, and the change undecided.
func TestArchiveBounds(t *testing.T) {
	bomb := strings.Repeat("# nothing\n", 400_000)
	for name, one := range map[string]struct {
		packed, unpacked int64
		time             time.Duration
		says             string
	}{
		"bytes":   {1 << 10, 1 << 30, time.Minute, "larger than the 1 KiB"},
		"a bomb":  {1 << 20, 1 << 20, time.Minute, "unpacked the 1024 KiB"},
		"seconds": {1 << 30, 1 << 30, time.Nanosecond, "it took longer than 1ns"},
	} {
		t.Run(name, func(t *testing.T) {
			w := farAway(t, "bomb.txt", bomb)
			c := w.client()
			c.Bound(one.packed, one.unpacked, one.time)
			f, err := c.Pull(t.Context(), w.open("flux"))
			if err != nil || len(f.Gaps) != 1 || !strings.Contains(f.Gaps[0], one.says) || f.Settled() {
				t.Errorf("%v, gaps %q, settled %v", err, f.Gaps, f.Settled())
			}
			if v := gate.Judge(policy.Default(), f, gate.Options{IgnoreIdentity: true}).Verdict(); v != finding.Undecided {
				t.Errorf("verdict %s", v)
			}
		})
	}
}

// A hole takes no room in an archive, and counts all the same.
func TestArchiveWithHoles(t *testing.T) {
	var sent bytes.Buffer
	packed := gzip.NewWriter(&sent)
	for i := range 3 { // as GNU tar's manual has it, "PAX format, versions 0.0 and 0.1"
		var records string
		for _, r := range []string{"numblocks=1", "map=0,3", "size=1000000", fmt.Sprintf("name=a/%d.yaml", i)} {
			r = " GNU.sparse." + r + "\n"
			records += fmt.Sprint(len(r)+2) + r
		}
		_, err := packed.Write(slices.Concat(entry("pax", 'x', records), entry("hole", '0', "a: ")))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	whole := bytes.NewReader(sent.Bytes())
	if found, err := facts.Unpack(whole, map[string]bool{"x": true}, 1<<20, 4_000_000); len(found) > 0 || err != nil {
		t.Errorf("within the bounds: %v, found %v", err, found)
	}
	if found, err := facts.Unpack(&sent, map[string]bool{"x": true}, 1<<20, 2_000_000); err == nil || len(found) > 0 {
		t.Errorf("beyond them: %v, found %v", err, found)
	}
}

// entry is one of a tar archive, which Go's writer makes without holes only.
func entry(name string, kind byte, data string) []byte {
	head := make([]byte, 512)
	copy(head, name)
	copy(head[100:], fmt.Sprintf("%07o\x00%07o\x00%07o\x00%011o\x00%011o\x00        %c", 0o644, 0, 0, len(data), 0, kind))
	copy(head[257:], "ustar\x0000")
	sum := 0
	for _, b := range head {
		sum += int(b)
	}
	copy(head[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(head, append([]byte(data), make([]byte, (512-len(data)%512)%512)...)...)
}

// Where the few requests held what matters, no archive is asked for.
func TestNoArchiveWithoutNeed(t *testing.T) {
	for _, tt := range []struct {
		name, near string
		archives   int
	}{
		{"policy and automation", imagePolicy + automation("flux", false), 0},
		{"policy", imagePolicy, 1},
		{"an automation of another branch", imagePolicy + automation("other", false), 1},
		{"one that is suspended", imagePolicy + automation("flux", true), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := farAway(t, "apps/policy.yaml", tt.near)
			facts := w.pullFacts(w.open("flux"))
			if n := w.Count(fakehub.ArchiveOperation); n != tt.archives || (len(facts.Unsearched) == 0) != (n == 1) {
				t.Errorf("%d archives were read, %d files unsearched", n, len(facts.Unsearched))
			}
		})
	}
}

// automation is one that pushes to a branch.
func automation(branch string, suspended bool) string {
	return fmt.Sprintf("---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nmetadata: {name: apps}\n"+
		"spec: {suspend: %t, git: {push: {branch: %s}}}\n", suspended, branch)
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
