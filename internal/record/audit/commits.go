package audit

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"
)

// Bounds of the lists in a push. GitHub lists 2,048 commits and 3,000 paths at most
// (https://docs.github.com/en/webhooks/webhook-events-and-payloads#push).
const (
	maxCommits = 2048
	maxFiles   = 3000
	maxPaths   = 16 << 10 // bytes of the paths that are kept
)

// commits are what is wanted of a push's commits: the paths that those new to the
// repository touch, and which commits, new or not, touch a file that steers GitHub.
type commits struct {
	paths        strings.Builder
	workflow     string
	moved        bool // such a file came or went
	fresh, older []string
	cut          bool // GitHub's list, or ours, may not be whole
	tooMany      bool // GitHub sends no such list
	skipsCI      bool
	authors      []string // of those new to the repository, and their committers
	made         string   // the first path that those add or remove
	listed       int
	there        bool   // the list is
	shell        string // what of those is a command to a shell
}

// UnmarshalJSON reads the list one by one.
func (c *commits) UnmarshalJSON(raw []byte) error {
	if raw[0] == 'n' {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if t, err := decoder.Token(); err != nil || t != json.Delim('[') {
		return errors.New("commits is not a list")
	}
	seen := map[string]bool{}
	c.there = true
	for n := 1; decoder.More(); n++ {
		if n > maxCommits {
			c.tooMany = true
			return nil
		}
		c.cut = c.cut || n == maxCommits
		var one commit
		if err := decoder.Decode(&one); err != nil {
			return errors.New("a commit has another shape")
		}
		c.listed = n
		c.take(one, seen)
	}
	return nil
}

type commit struct {
	ID, Message              string
	Distinct                 bool
	Added, Modified, Removed []string
	Author, Committer        signature
}

// signature is who made a commit, as its text says, and the login of the account that
// GitHub takes the e-mail for.
type signature struct{ Name, Email, Username word }

// webFlow is the e-mail of what GitHub commits, for whoever works on its pages.
const webFlow = "noreply@github.com"

// mark stands for a name or an address, which is not to be kept.
func mark(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// maxAuthors bounds how many are kept; more than the bot is enough.
const maxAuthors = 64

// sign notes who made a commit, and who committed it where that is somebody else. Merges
// are made by whoever merges.
func (c *commits) sign(one commit) {
	if !one.Distinct || strings.HasPrefix(one.Message, "Merge ") {
		return
	}
	for i, who := range []signature{one.Author, one.Committer} {
		signed := strings.Join([]string{mark(string(who.Name)), mark(string(who.Email)), mark(strings.ToLower(string(who.Username)))}, ":")
		same := who == (signature{}) || i > 0 && (who.Email == one.Author.Email || who.Email == webFlow)
		if !same && len(c.authors) < maxAuthors && !slices.Contains(c.authors, signed) {
			c.authors = append(c.authors, signed)
		}
	}
}

func (c *commits) take(one commit, seen map[string]bool) {
	c.sign(one)
	if one.Distinct {
		c.made = cmp.Or(c.made, cmp.Or(slices.Concat(one.Added, one.Removed, []string{""})...))
		if c.shell == "" && commands(one.Message) {
			c.shell = "a message"
		}
		if c.shell == "" && (commands(string(one.Author.Name)) || strings.Contains(string(one.Author.Name), "`")) {
			c.shell = "an author"
		}
	}
	c.skipsCI = c.skipsCI || one.Distinct && skipsCI(one.Message)
	all := slices.Concat(one.Added, one.Modified, one.Removed)
	c.cut = c.cut || len(all) >= maxFiles
	if i := slices.IndexFunc(all, steers); i >= 0 {
		id := one.ID[:min(len(one.ID), 12)]
		if one.Distinct {
			c.fresh = append(c.fresh, id)
			c.workflow = cmp.Or(c.workflow, all[i])
			c.moved = c.moved || slices.ContainsFunc(slices.Concat(one.Added, one.Removed), steers)
		} else {
			c.older = append(c.older, id)
		}
	}
	for _, p := range all {
		switch {
		case !one.Distinct || seen[p]:
		case c.paths.Len()+len(p) > maxPaths:
			c.cut = true
		default:
			seen[p] = true
			c.paths.WriteString(p + "\x00")
		}
	}
}

// steers tells whether a file has a say in what GitHub or a bot does with the repository:
// workflows, who owns what, how files are merged, what merges them. Some file systems take
// all letter cases for one.
func steers(file string) bool {
	file = strings.ToLower(file)
	switch path.Base(file) {
	case ".gitlab-ci.yml", "azure-pipelines.yml", ".travis.yml", ".drone.yml", ".woodpecker.yml", ".woodpecker.yaml", ".appveyor.yml",
		"appveyor.yml", "buildspec.yml", "cloudbuild.yaml", "bitbucket-pipelines.yml", ".prow.yaml", ".asf.yaml", ".sops.yaml", "bors.toml",
		".pre-commit-config.yaml", ".mergify.yaml", "codecov.yml", ".codecov.yml":
		return true
	case "codeowners", "owners", "owners_aliases", "action.yml", "action.yaml", ".gitattributes", ".gitmodules", ".mergify.yml",
		".kodiak.toml", ".policy.yml", "renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json", "fluxkeeper.yaml", "fluxkeeper.yml":
		return true
	}
	first, _, below := strings.Cut(file, "/")
	return below && slices.Contains([]string{".github", ".circleci", ".buildkite", ".tekton", ".woodpecker", ".gitlab"}, first)
}

// commands tells whether a text is a command to a shell that it gets into unquoted.
func commands(s string) bool {
	return strings.Contains(s, "$(") || strings.Contains(s, "${")
}

// skipsCI tells whether a message keeps GitHub from starting workflows
// (https://docs.github.com/en/actions/managing-workflow-runs/skipping-workflow-runs).
func skipsCI(message string) bool {
	return slices.ContainsFunc([]string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "skip-checks:true",
		"skip-checks: true"}, func(word string) bool { return strings.Contains(strings.ToLower(message), word) })
}
