package gate_test

import (
	"crypto/sha1" //nolint:gosec // Git's own hash
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// allMutants makes TestMutants use every mutation on every change, which takes
// a minute or two; without it each change gets every twelfth.
var allMutants = flag.Bool("all", false, "try every mutation on every honest change")

// mutation smuggles one change into an honest one. It reports false where the
// change has no place for it.
type mutation struct {
	name string
	// text alters the head of one file, facts anything else.
	text  func(r *rand.Rand, head string) (string, bool)
	facts func(f *change.Facts)
	// legal marks what Flux itself would write if its objects said so: it has
	// to fail, but re-execution rightly reproduces it.
	legal bool
}

var (
	markedLine = regexp.MustCompile(`(?m)^( *(?:- )?[\w."-]+: *)("?)([\w./:@-]+)("?)( +#+ *\{"\$imagepolicy": ` +
		`*"([\w.-]+):([\w.-]+)((?::\w+)?)"\})[ \t]*$`)
	plainLine  = regexp.MustCompile(`(?m)^( *[\w-]+: )([a-zA-Z][\w./-]*)$`)
	numberLine = regexp.MustCompile(`(?m)^( *[\w-]+: )([0-9]+|true|false)$`)
	quotedLine = regexp.MustCompile(`(?m)^( *[\w-]+: )"([0-9]+|true|false|yes|on)"$`)
	itemLine   = regexp.MustCompile(`(?m)^ *- [\w./-]+$`)
	remarkLine = regexp.MustCompile(`(?m)^ *# [^{}\n]*$`)
)

// at rewrites one match of a pattern, chosen by chance.
func at(pattern *regexp.Regexp, rewrite string) func(*rand.Rand, string) (string, bool) {
	return func(r *rand.Rand, head string) (string, bool) {
		all := pattern.FindAllStringSubmatchIndex(head, -1)
		if len(all) == 0 {
			return "", false
		}
		m := all[r.IntN(len(all))]
		var out []byte
		out = append(out, head[:m[0]]...)
		out = pattern.ExpandString(out, rewrite, head, m)
		out = append(out, head[m[1]:]...)
		return string(out), string(out) != head
	}
}

func after(text string) func(*rand.Rand, string) (string, bool) {
	return func(_ *rand.Rand, head string) (string, bool) {
		return strings.TrimRight(head, "\n") + "\n" + text, true
	}
}

func before(text string) func(*rand.Rand, string) (string, bool) {
	return func(_ *rand.Rand, head string) (string, bool) { return text + head, true }
}

var mutations = []mutation{
	{name: "another key", text: after("smuggled: true\n")},
	{name: "another key in front", text: before("hostNetwork: true\n")},
	{name: "another document", text: after("---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: smuggled\n")},
	{name: "another document in front", text: before("kind: Pod\n---\n")},
	{name: "empty document with a comment", text: after("---\n# smuggled\n")},
	{name: "content after the end", text: after("...\nsmuggled: true\n")},
	{name: "document after the end", text: after("...\n---\nsmuggled: true\n")},
	{name: "directive", text: before("%YAML 1.1\n---\n")},
	{name: "anchor", text: at(markedLine, "$1&a $2$3$4$5")},
	{name: "anchor elsewhere", text: at(plainLine, "$1&a $2")},
	{name: "merge key", text: after("<<: {smuggled: true}\n")},
	{name: "next line in the comment", text: at(markedLine, "$0\u0085smuggled: true")},
	{name: "line separator in the comment", text: at(markedLine, "$0\u2028smuggled: true")},
	{name: "paragraph separator in the comment", text: at(markedLine, "$0\u2029smuggled: true")},
	{name: "carriage return in the comment", text: at(markedLine, "$0\rsmuggled: true")},
	{name: "next line alone", text: at(markedLine, "$0\u0085")},
	{name: "words behind the marker", text: at(markedLine, "$0 x")},
	{name: "marker of another policy", text: at(markedLine, `$1$2$3$4 # {"$$imagepolicy": "$6:smuggled$8"}`)},
	{name: "marker of another namespace", text: at(markedLine, `$1$2$3$4 # {"$$imagepolicy": "smuggled:$7$8"}`)},
	{name: "marker of another part", text: at(markedLine, `$1$2$3$4 # {"$$imagepolicy": "$6:$7:digest"}`)},
	{name: "marker gone", text: at(markedLine, "$1$2$3$4")},
	{name: "marker doubled", text: at(markedLine, `$0 # {"$$imagepolicy": "$6:smuggled$8"}`)},
	{name: "marker on another value", text: at(plainLine, `$0 # {"$$imagepolicy": "flux-system:smuggled"}`)},
	{name: "marker with a zero-width space", text: at(markedLine, "$1$2$3$4 # {\"$$imagepolicy\": \"$6:\u200b$7$8\"}")},
	{name: "Cyrillic letter in the value", text: at(markedLine, "${1}${2}\u0430$3$4$5")},
	{name: "zero-width space in the value", text: at(markedLine, "$1$2$3\u200b$4$5")},
	{name: "two tags", text: at(markedLine, "$1$2$3:1.0.0:2.0.0$4$5")},
	{name: "userinfo", text: at(markedLine, "$1${2}user:pw@$3$4$5")},
	{name: "space in the value", text: at(markedLine, "$1\"$3 x\"$5")},
	{name: "explicit tag", text: at(markedLine, "$1!!str $2$3$4$5")},
	{name: "broken tag", text: at(markedLine, "$1!!int $2$3$4$5")},
	{name: "local tag", text: at(plainLine, "$1!smuggled $2")},
	{name: "escape", text: at(markedLine, "$1\"\\x61$3\"$5")},
	{name: "another value", text: at(plainLine, "${1}smuggled")},
	{name: "longer value", text: at(plainLine, "$0x")},
	{name: "value gone", text: at(plainLine, "$1")},
	{name: "line gone", text: at(plainLine, "# $2")},
	{name: "line doubled", text: at(plainLine, "$0\n$0")},
	{name: "number changed", text: at(numberLine, "${1}7")},
	{name: "number quoted", text: at(numberLine, "$1\"$2\"")},
	{name: "number unquoted", text: at(quotedLine, "$1$2")},
	{name: "another item", text: at(itemLine, "$0\n$0")},
	{name: "comment changed", text: at(remarkLine, "$0 smuggled")},
	{name: "comment added", text: before("# smuggled\n")},
	{name: "comment behind a value", text: at(plainLine, "$0 # smuggled")},
	{name: "bidirectional text", text: at(plainLine, "$0 # \u202e\u2066")},
	{name: "zero-width space in a key", text: at(plainLine, "$0\nimage\u200b: x")},
	{name: "byte order mark inside", text: at(plainLine, "$0\n\ufeff# x")},
	{name: "invalid UTF-8", text: at(plainLine, "$0 # \xff")},
	{name: "control character", text: at(plainLine, "$0 # \x1b[2K")},
	{name: "flow mapping", text: at(plainLine, "$1{a: $2}")},
	{name: "null byte", text: after("# \x00\n")},
	{name: "look-alike host", text: at(markedLine, "$1${2}ghcr.lo/smuggled/app:1.0.0$4$5"), legal: true},
	{name: "look-alike registry port", text: at(markedLine, "$1${2}127.0.0.1:5001/smuggled/app:1.0.0$4$5"), legal: true},

	{name: "executable", facts: func(f *change.Facts) { f.Files[0].After.Mode = change.Executable }},
	{name: "symlink", facts: func(f *change.Facts) { f.Files[0].After.Mode = change.Symlink }},
	{name: "file removed", facts: func(f *change.Facts) { f.Files[0].After = change.Blob{} }},
	{name: "another manifest", facts: func(f *change.Facts) { add(f, "clusters/smuggled.yaml", "kind: Pod\n") }},
	{name: "another workflow", facts: func(f *change.Facts) { add(f, ".github/workflows/smuggled.yml", "on: push\n") }},
	{name: "a script", facts: func(f *change.Facts) { add(f, "install.sh", "id\n") }},
	{name: "a policy for the gate", facts: func(f *change.Facts) { add(f, policy.File, "version: 1\nallow: [major]\n") }},
	{name: "submodule", facts: func(f *change.Facts) {
		f.Files = append(f.Files, change.File{Path: "vendor/smuggled", After: change.Blob{Mode: change.Submodule, ID: strings.Repeat("1", 40)}})
	}},
	{name: "renamed", facts: func(f *change.Facts) {
		moved := f.Files[0]
		moved.Path = "moved/" + moved.Path
		moved.Before = change.Blob{}
		f.Files[0].After = change.Blob{}
		f.Files = append(f.Files, moved)
	}},
	{name: "another file edited", facts: func(f *change.Facts) {
		old, now := blob("a: 1\n"), blob("a: 2\n")
		f.Files = append(f.Files, change.File{Path: "zz/other.yaml", Before: old, After: now})
	}},
	{name: "commit by somebody else", legal: true, facts: func(f *change.Facts) {
		c := f.Commits[0]
		c.SHA, c.Parents = strings.Repeat("e", 40), []string{f.Commits[0].SHA}
		c.Author.Name, c.Author.Email = "Mallory", "mallory@example.org"
		c.Committer = c.Author
		f.Commits = append(f.Commits, c)
	}},
	{name: "merge commit", legal: true, facts: func(f *change.Facts) {
		f.Commits[0].Parents = append(f.Commits[0].Parents, strings.Repeat("f", 40))
	}},
	{name: "another committer", legal: true, facts: func(f *change.Facts) { f.Commits[0].Committer.Email = "mallory@example.org" }},
	{name: "retargeted", legal: true, facts: func(f *change.Facts) { f.BaseRef = "smuggled" }},
	{name: "retargeted to what is not known", legal: true, facts: func(f *change.Facts) { f.BaseRef = "" }},
	{name: "retargeted to a branch that has it", legal: true, facts: func(f *change.Facts) {
		f.BaseRef = "smuggled"
		for i := range f.Files {
			f.Files[i].Before = f.Files[i].After
		}
	}},
	{name: "base moved in a file", legal: true, facts: func(f *change.Facts) {
		moved := f.Files[0]
		moved.Stale, moved.Old = true, moved.Before
		moved.Before = blob(string(moved.Before.Data) + "# moved\n")
		f.Files[0] = moved
	}},
	{name: "base removed a file", legal: true, facts: func(f *change.Facts) {
		f.Files[0].Stale, f.Files[0].Old, f.Files[0].Before = true, f.Files[0].Before, change.Blob{}
	}},
	{name: "base moved under a new folder", legal: true, facts: func(f *change.Facts) {
		add(f, "moved/smuggled.yaml", "kind: Pod\n")
		f.Files[len(f.Files)-1].Stale = true
	}},
	{name: "base and head merged crosswise", legal: true, facts: func(f *change.Facts) { f.Crosswise = true }},
	{name: "base moved and the branch did not start from it", legal: true, facts: func(f *change.Facts) {
		f.MergeBase.Commit = strings.Repeat("9", 40)
	}},
	{name: "an unread folder", legal: true, facts: func(f *change.Facts) { f.Unsearched = []string{"unread/"} }},
	{name: "an unread file", legal: true, facts: func(f *change.Facts) { f.Unsearched = []string{"unread/policies.yaml"} }},
	{name: "an unread file, and a policy of another namespace", legal: true, facts: func(f *change.Facts) {
		f.Unsearched = []string{"unread/policies.yaml"}
		for _, field := range manifest.Read(f.Files[0].After.Data).Fields {
			_, name, _ := strings.Cut(field.Marker.Image(), ":")
			f.Policies = append(f.Policies, change.ImagePolicy{File: f.Files[0].Path, Line: 1, Namespace: "smuggled", Name: name})
		}
	}},
	{name: "a list that was cut", legal: true, facts: func(f *change.Facts) { f.Gaps = []string{"of 9 commits 1 was read"} }},
	{name: "another branch", legal: true, facts: func(f *change.Facts) { f.HeadRef = "smuggled" }},
}

func add(f *change.Facts, path, text string) {
	f.Files = append(f.Files, change.File{Path: path, After: blob(text)})
}

func blob(text string) change.Blob {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)) //nolint:gosec // Git's own hash
	return change.Blob{Mode: change.Regular, ID: hex.EncodeToString(sum[:]), Data: []byte(text)}
}

// lenient lets every version step pass, so that a mutant that fails does so
// because of what was smuggled in.
func lenient() policy.Policy {
	p := policy.Default()
	p.Base = []string{"main"}
	p.Terms = policy.Terms{Versioning: image.Semver, MinorSkip: -1, Allow: []string{
		"patch", "minor", "zero-minor", "major", "downgrade", "prerelease", "variant", "prefix",
		"not-semver", "floating", "digest-moved", "digest-dropped", "incomparable",
	}}
	p.Rules = map[string]policy.Setting{}
	for _, rule := range []string{"policy/straggler", "policy/out-of-range", "time/mass-regression"} {
		p.Rules[rule] = policy.Setting{Severity: finding.Warning, Reason: "other people's history"}
	}
	return p
}

// honest builds the facts of a real Flux commit.
// day is when the corpus is judged.
var day = time.Date(2026, 11, 22, 20, 21, 56, 0, time.UTC)

func honest(t *testing.T, dir string) (change.Facts, bool) {
	var meta struct {
		Klass string
		Files []struct {
			Path, Status string
			Stored       bool
			Modes        []string
		}
		Changes []struct{ Path string }
	}
	data, err := os.ReadFile(filepath.Join(dir, "meta.json"))
	if err == nil {
		err = json.Unmarshal(data, &meta)
	}
	if err != nil {
		t.Fatal(err)
	}
	if meta.Klass != "flux" || len(meta.Changes) == 0 {
		return change.Facts{}, false
	}
	bot := change.Signature{Name: "fluxcdbot", Email: "fluxcdbot@users.noreply.github.com", When: day}
	base := change.Revision{Commit: strings.Repeat("a", 40), Tree: strings.Repeat("b", 40)}
	head := change.Revision{Commit: strings.Repeat("c", 40), Tree: strings.Repeat("d", 40)}
	f := change.Facts{
		BaseRef: "main", HeadRef: "flux-image-updates", Base: base, MergeBase: base, Head: head,
		Commits: []change.Commit{{SHA: head.Commit, Parents: []string{base.Commit}, Author: bot, Committer: bot}},
	}
	for _, file := range meta.Files {
		if file.Status != "M" || !file.Stored {
			return change.Facts{}, false
		}
		old, err1 := os.ReadFile(filepath.Join(dir, "base", file.Path))
		now, err2 := os.ReadFile(filepath.Join(dir, "head", file.Path))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		before, after := blob(string(old)), blob(string(now))
		f.Files = append(f.Files, change.File{Path: file.Path, Before: before, After: after})
	}
	return f, true
}

// TestMutants smuggles one change into every honest commit of the corpus: no
// mutant may pass, and none may be called reproduced or equivalent unless it
// is what Flux itself would write.
func TestMutants(t *testing.T) {
	root, metas := realCommits(t)
	policy := lenient()
	admitted := make([]int, len(naiveGates))
	used := map[string]int{}
	honestCount, passed, count := 0, 0, 0
	for i, path := range metas {
		f, ok := honest(t, filepath.Dir(path))
		if !ok {
			continue
		}
		name, _ := filepath.Rel(root, filepath.Dir(path))
		r := gate.Judge(policy, f, gate.Options{Now: day})
		if r.Reproduction == manifest.Residue {
			t.Errorf("honest %s: %s, %s: %+v", name, r.Verdict(), r.Reproduction, r.Findings[:min(3, len(r.Findings))])
		}
		if r.Verdict() != finding.Pass {
			continue // Flux moved an image to another name, or wrote a form that its field cannot take
		}
		honestCount++
		for k, m := range mutations {
			if !*allMutants && (i+k)%12 != 0 {
				continue
			}
			mutant := f
			mutant.Files, mutant.Commits = slices.Clone(f.Files), slices.Clone(f.Commits)
			if m.facts != nil {
				m.facts(&mutant)
			} else {
				r := rand.New(rand.NewPCG(uint64(i), uint64(len(m.name))))
				n := r.IntN(len(mutant.Files))
				text, ok := m.text(r, string(mutant.Files[n].After.Data))
				if !ok {
					continue
				}
				mutant.Files[n].After = blob(text)
			}
			count++
			used[m.name]++
			r := gate.Judge(policy, mutant, gate.Options{Now: day})
			if r.Verdict() == finding.Pass || r.Verdict() == finding.NotApplicable {
				passed++
				t.Errorf("%s in %s: %s", m.name, name, r.Verdict())
			}
			if !m.legal && r.Reproduction != manifest.Residue {
				t.Errorf("%s in %s: %s, %s", m.name, name, r.Verdict(), r.Reproduction)
			}
			for j, naive := range naiveGates {
				if naive.admit(mutant) {
					admitted[j]++
				}
			}
		}
	}
	for _, m := range mutations {
		if used[m.name] == 0 {
			t.Errorf("mutation %q was never used", m.name)
		}
	}
	if count < 2000 || honestCount < 400 {
		t.Errorf("only %d mutants of %d honest changes", count, honestCount)
	}
	t.Logf("%d mutants of %d honest changes: fluxkeeper let %d pass", count, honestCount, passed)
	for j, naive := range naiveGates {
		t.Logf("%s let %d pass (%.1f %%)", naive.name, admitted[j], 100*float64(admitted[j])/float64(count))
	}
}
