package facts_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// signedWorld has a commit on branch flux that an SSH key signed.
func signedWorld(t *testing.T) (w *world, head, public, fingerprint string) {
	w = newRepo(t)
	key := filepath.Join(t.TempDir(), "key")
	public, fingerprint = w.newKey(key)
	w.commit("start", "a.yaml", "1")
	w.branch("flux")
	w.write("a.yaml", "2")
	w.git("-c", "gpg.format=ssh", "-c", "user.signingKey="+key, "commit", "-qaS", "-m", "signed\n\nwith a body")
	return w, w.git("rev-parse", "HEAD"), public, fingerprint
}

func TestVerification(t *testing.T) {
	w, head, public, fingerprint := signedWorld(t)
	_, other := w.newKey(filepath.Join(t.TempDir(), "other"))
	rewrite := func(from, to string) string {
		raw := w.git("cat-file", "commit", head) + "\n"
		if !strings.Contains(raw, from) {
			t.Fatalf("no %q in %q", from, raw)
		}
		return w.gitInput(strings.Replace(raw, from, to, 1), "hash-object", "-t", "commit", "-w", "--literally", "--stdin")
	}
	tampered := rewrite("with a body", "with another body")
	behind := rewrite("gpgsig ", "x-other header\ngpgsig ")
	openpgp := rewrite("BEGIN SSH SIGNATURE", "BEGIN PGP SIGNATURE")
	twice := rewrite("gpgsig ", "gpgsig-sha256 x\ngpgsig ")
	w.serve()
	for _, tt := range []struct {
		name, head, github string
		keys               []string
		want               change.Verification
		reason             string
	}{
		{"pinned", head, "valid", []string{public}, change.Verification{Kind: "ssh", Verified: true, Key: fingerprint}, ""},
		{"pinned, unknown to GitHub", head, "unknown_key", []string{public}, change.Verification{Kind: "ssh", Verified: true, Key: fingerprint},
			""},
		{"pinned, GitHub is not able", head, "gpgverify_error", []string{public},
			change.Verification{Kind: "ssh", Verified: true, Key: fingerprint}, ""},
		{"known to GitHub alone", head, "valid", nil, change.Verification{Kind: "ssh", Verified: true, Key: fingerprint}, ""},
		{"pinned by fingerprint", head, "valid", []string{fingerprint}, change.Verification{Kind: "ssh", Verified: true, Key: fingerprint}, ""},
		{"known to nobody", head, "unknown_key", []string{other}, change.Verification{Kind: "ssh"}, "unknown_key"},
		{"tampered", tampered, "invalid", []string{public}, change.Verification{Kind: "ssh"}, "does not fit"},
		// Whatever GitHub says: the key is named only where it signed this.
		{"tampered and called valid", tampered, "valid", []string{public}, change.Verification{Kind: "ssh", Verified: true}, ""},
		{"another payload", behind, "valid", []string{public}, change.Verification{Kind: "ssh", Verified: true}, ""},
		{"two signatures", twice, "valid", []string{public}, change.Verification{Verified: true}, ""},
		{"OpenPGP known to GitHub", openpgp, "valid", []string{public}, change.Verification{Kind: "openpgp", Verified: true}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.Sign(fleet, tt.head, fakehub.Signature{Reason: tt.github})
			facts, err := w.client().Range(t.Context(), w.git("rev-parse", "main"), tt.head)
			facts = checked(facts, tt.keys)
			if err != nil || len(facts.Gaps) > 0 || len(facts.Commits) != 1 {
				t.Fatalf("%v, gaps %q", err, facts.Gaps)
			}
			got := facts.Commits[0].Verification
			if !strings.Contains(got.Reason, tt.reason) || got.Verified != (got.Reason == "") {
				t.Errorf("reason %q, want %q", got.Reason, tt.reason)
			}
			if got.Reason = ""; got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// More files than are searched are counted, the nearest come first, and what
// the change touches is read whatever else there is.
func TestManyFiles(t *testing.T) {
	w := newRepo(t)
	for i := range 600 {
		w.write(fmt.Sprintf("far/%d/file.yaml", i), fmt.Sprint("number: ", i, "\n"))
	}
	w.commit("start", "near/app/a.yaml", marked("1.0.0"), "near/app/policy.yaml", imagePolicy+automation("flux", false),
		"zfar/x/y/policy.yaml", imagePolicy+"#\n")
	w.branch("flux")
	w.commit("bump", "near/app/a.yaml", marked("1.0.1"))
	w.serve(func(o *fakehub.Options) { o.Unchecked = true })
	facts := w.pullFacts(w.open("flux"))
	if len(facts.Unsearched) != 602-400 || len(facts.Sources) != 1 || facts.Sources[0].Path != "near/app/policy.yaml" || len(facts.Gaps) > 0 {
		t.Errorf("%d unsearched, sources %v, gaps %q", len(facts.Unsearched), facts.Sources, facts.Gaps)
	}
	if n := w.Count(); n > 12 {
		t.Errorf("%d requests", n)
	}
}

// A change of thousands of files is read whole.
func TestThousandsOfFiles(t *testing.T) {
	w := newRepo(t)
	const n = 1500
	write := func(tag string) {
		for i := range n {
			w.write(fmt.Sprintf("apps/%d.yaml", i), fmt.Sprintf("# %d\n", i)+marked(tag))
		}
	}
	write("1.0.0")
	w.commit("start")
	w.branch("flux")
	write("1.0.1")
	w.commit("bump")
	w.serve(func(o *fakehub.Options) { o.Unchecked = true })
	facts := w.pullFacts(w.open("flux"))
	for _, f := range facts.Files {
		if len(f.Before.Data) == 0 || len(f.After.Data) == 0 {
			t.Fatalf("%s was not read", f.Path)
		}
	}
	if len(facts.Files) != n || len(facts.Gaps) > 0 || len(facts.Unsearched) != 0 {
		t.Errorf("%d files, gaps %q", len(facts.Files), facts.Gaps)
	}
}
