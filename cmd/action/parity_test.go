package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// parity holds what the last step of a story said of a change against what the command
// line says of the same two commits.
func (s *story) parity() {
	s.Helper()
	if s.steps == 0 {
		return
	}
	outputs, err := s.files.Outputs()
	if err != nil || outputs["report"] == "" {
		return
	}
	base, head := storytest.Base, s.branch
	if s.pull != 0 {
		p, _ := s.Pull(storytest.Repository, s.pull)
		base, head = p.Base, p.Head
	}
	forks, err := filepath.Glob(filepath.Join(s.dir, "*.git"))
	must(s, err)
	for _, fork := range forks {
		s.Git("fetch", "-q", fork, "+refs/heads/*:refs/forks/*")
	}
	sameAnswer(s.TB, s.Scene, outputs["report"], base, head, s.queued)
}

// sameAnswer compares an answer of the Action with that of the command line, but for
// evidence: what GitHub alone knows of who made a change, and of its pull request. Of
// what GitHub did not tell all of, nothing is compared; that is never a pass.
func sameAnswer(t testing.TB, s *storytest.Scene, told, base, head string, queued bool) {
	t.Helper()
	action := contentsOf(t, told)
	from, _ := action["base"].(string)
	to, _ := action["head"].(string)
	if _, ok := action["base"]; !ok {
		return // it is about a token
	}
	if gaps, _ := action["gaps"].([]any); from == "" || to == "" || len(gaps) > 0 || queued && action["verdict"] != "pass" {
		return // no change, or the pull request's answer for the queue's commit
	}
	args := []string{"check", "--repo", s.Work, "--base", from, "--head", to, "--base-ref", base, "--head-ref", head, "--format", "json"}
	if queued { // GitHub made the commit: only its contents are judged
		args = append(args, "--ignore-identity")
	}
	var out, log bytes.Buffer
	status := watched(t, console.World{
		Context: t.Context(), Environment: func(string) (string, bool) { return "", false }, Stdout: &out, Stderr: &log,
	}, args)
	if out.Len() == 0 {
		t.Errorf("the command line says nothing, status %d: %s", status, log.String())
		return
	}
	local := contentsOf(t, out.String())
	if action["verdict"] == nil || local["verdict"] == nil {
		delete(action, "verdict")
		delete(local, "verdict")
	}
	if diff := cmp.Diff(local, action); diff != "" {
		t.Errorf("from the command line to the Action, %s → %s:\n%s", base, head, diff)
	}
}

func contentsOf(t testing.TB, text string) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if gaps, _ := all["gaps"].([]any); len(gaps) > 0 && all["base"] != nil && all["verdict"] != "undecided" {
		t.Errorf("verdict %v with gaps %v", all["verdict"], gaps)
	}
	delete(all, "evidence")
	list, _ := all["findings"].([]any)
	left := slices.DeleteFunc(slices.Clone(list), func(f any) bool {
		of, _ := f.(map[string]any)
		return slices.Contains(githubKnows, of["rule"].(string))
	})
	if len(left) < len(list) {
		delete(all, "verdict")
	}
	all["findings"] = left
	return all
}

// TestCorpusOnGitHub judges real commits of Flux as pull requests and on the command
// line: a few, or with -all every one.
func TestCorpusOnGitHub(t *testing.T) {
	metas, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "corpus", "commits"), "*", "*", "meta.json"))
	must(t, err)
	if len(metas) == 0 {
		t.Fatal("there are no commits in the corpus")
	}
	if !*allSequences {
		r := rand.New(rand.NewPCG(12, 12))
		r.Shuffle(len(metas), func(i, j int) { metas[i], metas[j] = metas[j], metas[i] })
		metas = metas[:12]
	}
	s := storytest.New(t, "../..", fakehub.Options{Unchecked: *allSequences})
	number := s.Open()
	verdicts := map[string]int{}
	for _, meta := range metas {
		name := filepath.Base(filepath.Dir(meta))
		s.Git("checkout", "-q", "--orphan", "corpus-"+name)
		s.Git("rm", "-rfq", "--ignore-unmatch", ".")
		files := commitFiles(t, s, filepath.Join(filepath.Dir(meta), "base"))
		s.Commit(storytest.Ann, "Before")
		s.Git("push", "-q", "--force", "origin", "HEAD:refs/heads/"+storytest.Base)
		for _, file := range files {
			must(t, os.Remove(filepath.Join(s.Work, file)))
		}
		commitFiles(t, s, filepath.Join(filepath.Dir(meta), "head"))
		s.Commit(storytest.Bot, "Update images")
		s.Push(storytest.Bot, storytest.Head)
		got := act(t, s, s.PullEvent("pull_request_target", number), nil)
		verdicts[got.outputs["verdict"]]++
		if got.outputs["verdict"] == "undecided" {
			t.Errorf("%s: undecided", meta)
		}
		sameAnswer(t, s, got.outputs["report"], storytest.Base, storytest.Head, false)
	}
	t.Logf("of %d commits: %v", len(metas), verdicts)
}

// commitFiles puts the files of a folder into the work tree.
func commitFiles(t *testing.T, s *storytest.Scene, dir string) (files []string) {
	t.Helper()
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return nil
	}
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err1 := filepath.Rel(dir, path)
		data, err2 := os.ReadFile(path)
		files = append(files, name)
		s.Write(name, string(data))
		return errors.Join(err1, err2)
	}))
	return files
}

// githubKnows are the rules about what GitHub alone tells.
var githubKnows = []string{"identity/fork", "identity/opener", "identity/other-bot", "identity/person",
	"identity/pusher", "text/title", "text/body-mismatch"}
