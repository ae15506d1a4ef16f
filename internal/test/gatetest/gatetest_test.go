package gatetest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gatetest"
)

const everything = `
-- policy.yaml --
version: 1
branches: {head: [bot]}
-- facts.yaml --
head-ref: bot
base-ref: prod
today: 2027-01-31
removed: [gone.yaml]
tip-removed: [lost.yaml]
base-modes: {run.sh: "100755"}
modes: {sub: "160000"}
commits:
- {}
- {author: A B <a@x>, committer: C <c@x>, parents: 2, account: 7, signature: {kind: ssh, verified: true, key: "SHA256:x", reason: valid}}
pull: {number: 4, title: t, body: b, head-repo: 0, pusher: {login: p, id: 9}}
gaps: [cut off]
ignore-identity: true
-- base/app.yaml --
old
-- base/same.yaml --
a: b # {"$imagepolicy": "x:y"}
-- base/gone.yaml --
-- base/lost.yaml --
1
-- base/run.sh --
-- base/moved.yaml --
1
-- tip/moved.yaml --
2
-- head/moved.yaml --
2
-- head/app.yaml.esc --
caf\xe9 \u00e9 \\ "q"\r\
-- head/lost.yaml --
2
-- head/sub --
9fceb02d0ae598e95dc970b74767f19372d61af8
`

func TestLoad(t *testing.T) {
	policy, facts, options, err := gatetest.Load(txtar.Parse([]byte(everything)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bot"}, policy.Head); diff != "" {
		t.Errorf("head patterns: %s", diff)
	}
	blob := func(mode change.Mode, id, data string) change.Blob {
		return change.Blob{Mode: mode, ID: id, Data: []byte(data)}
	}
	old := blob(change.Regular, "3367afdbbf91e638efe983616377c60477cc6612", "old\n") // as git hash-object says
	one := blob(change.Regular, "d00491fd7e5bb6fa28c517a0bb32b8b506539d4d", "1\n")
	empty := blob(change.Regular, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "")
	want := []change.File{
		{Path: "app.yaml", Before: old, After: blob(change.Regular, "3a367f861b5c8ff4460d429f3817e47c01926b98", "caf\xe9 é \\ \"q\"\r")},
		{Path: "gone.yaml", Before: empty},
		{Path: "lost.yaml", Old: one, Stale: true, After: blob(change.Regular, "0cfbf08886fca9a91cb753ec8734c84fcbe52c9f", "2\n")},
		{Path: "sub", After: change.Blob{Mode: change.Submodule, ID: "9fceb02d0ae598e95dc970b74767f19372d61af8"}},
	}
	if diff := cmp.Diff(want, facts.Files, cmp.Transformer("text", func(b []byte) string { return string(b) })); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(facts.Bystanders) != 1 || facts.Bystanders[0].Path != "same.yaml" {
		t.Errorf("bystanders are %v", facts.Bystanders)
	}
	if facts.HeadRef != "bot" || facts.BaseRef != "prod" || !options.IgnoreIdentity ||
		!options.Now.Equal(time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("facts are %+v, options %+v", facts, options)
	}
	if p := facts.Pull; p == nil || p.Number != 4 || p.HeadRepoID != 0 || p.BaseRepoID == 0 || p.Pusher.ID != 9 {
		t.Errorf("pull is %+v", p)
	}
}

func TestLoadCommits(t *testing.T) {
	_, facts, _, err := gatetest.Load(txtar.Parse([]byte(everything)))
	if err != nil {
		t.Fatal(err)
	}
	if len(facts.Commits) != 2 {
		t.Fatalf("there are %d commits", len(facts.Commits))
	}
	first, last := facts.Commits[0], facts.Commits[1]
	if first.Author.Name != "fluxcdbot" || first.Committer != first.Author || first.Parents[0] != facts.MergeBase.Commit {
		t.Errorf("the first commit is %+v", first)
	}
	if last.SHA != facts.Head.Commit || len(last.Parents) != 2 || last.Parents[0] != first.SHA || last.Parents[1] == first.SHA {
		t.Errorf("the last commit is %+v, after %s", last, first.SHA)
	}
	if last.Author.Name != "A B" || last.Committer.Email != "c@x" || last.CommitterAccount != 7 || !last.Verification.Verified ||
		last.Verification.Key != "SHA256:x" {
		t.Errorf("the last commit is %+v", last)
	}
}

// A case that says something else than it seems to would prove nothing.
func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ archive, want string }{
		"unknown file":      {"-- hed/app.yaml --\n", "no file of this name"},
		"unknown fact":      {"-- facts.yaml --\nheadref: x\n", "headref"},
		"bad policy":        {"-- policy.yaml --\nversion: 1\nallows: []\n", "allows"},
		"removed nothing":   {"-- facts.yaml --\nremoved: [x]\n", `"x" is not there`},
		"mode of nothing":   {"-- facts.yaml --\nmodes: {x: \"100755\"}\n", `"x" has a mode`},
		"bad day":           {"-- facts.yaml --\ntoday: someday\n", "someday"},
		"bad author":        {"-- facts.yaml --\ncommits: [{author: nobody}]\n", "name <email>"},
		"unknown escape":    {"-- head/a.esc --\n\\q\n", "unescape line 1"},
		"half of an escape": {"-- head/a.esc --\nok\n\\x8\n", "unescape line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := gatetest.Load(txtar.Parse([]byte(c.archive)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
