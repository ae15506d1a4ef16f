package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// TestActionStories runs the stories under testdata/action: the program as a
// runner starts it, a process of its own, against a fake GitHub. Every request
// and answer is held against GitHub's own descriptions, and the requests of a
// story are a golden file under testdata/requests. Besides testscript's own
// commands and exits, fits, commit, json and hide, the stories use those below.
func TestActionStories(t *testing.T) {
	leaktest.Stories(t, testscript.Params{
		Dir:           "testdata/action",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			t, ok := env.T().(testing.TB)
			if !ok {
				return fmt.Errorf("set up: %T is no test", env.T())
			}
			env.Values[storyKey{}] = &story{TB: t, dir: env.WorkDir}
			root, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			for name, value := range map[string]string{
				"ROOT": root,
				// In the form of a real one, and not written down: no scanner is to take it for a leak.
				"PAT":               "github_pat_" + strings.Repeat("x", 22) + "_" + strings.Repeat("y", 59),
				"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "TZ": "UTC",
				"GIT_AUTHOR_DATE": "2026-11-22T12:00:00Z", "GIT_COMMITTER_DATE": "2026-11-22T12:00:00Z",
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": storytest.Exits, "fits": storytest.Fits, "commit": commit, "json": jsonField, "hide": hide, "shows": shows, "slip": slip,
			"hub": telling(hubCmd), "push": telling(pushCmd), "pull": telling(pullCmd), "fork": telling(forkCmd),
			"token": telling(tokenCmd), "issue": telling(issueCmd), "fault": telling(faultCmd), "flaw": telling(flawCmd), "many": telling(manyCmd),
			"event": telling(eventCmd), "output": telling(outputCmd), "state": telling(stateCmd), "requests": telling(requestsCmd),
		},
	}, leaktest.Masks)
}

// slip FILE: a token gets into a file by mistake.
func slip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: slip FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(leaktest.Token("slip")+"\n"), 0o600))
}

// story is what one script has set up.
type story struct {
	testing.TB
	*storytest.Scene
	dir    string
	files  storytest.Files
	steps  int
	pull   int      // the pull request of the last step; 0 where it was about none
	queued bool     // it was about a commit of the merge queue
	branch string   // Flux's, that it was about
	inputs []string // variables of the last step
}

type storyKey struct{}

// telling makes a command of a function that gets the script's story.
func telling(do func(*testscript.TestScript, *story, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		s, _ := ts.Value(storyKey{}).(*story)
		do(ts, s, args)
	}
}

// words splits NAME=VALUE arguments from plain ones.
func words(args []string) (plain []string, named map[string]string) {
	named = map[string]string{}
	for _, arg := range args {
		if name, value, ok := strings.Cut(arg, "="); ok {
			named[name] = value
		} else {
			plain = append(plain, arg)
		}
	}
	return plain, named
}

// take removes a word and gives it.
func take(named map[string]string, name string) string {
	value := named[name]
	delete(named, name)
	return value
}

// number is a word that is a number; 0 where it is missing.
func number(ts *testscript.TestScript, text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// hub [enterprise] [actions-may-not-open] [probes|probes-only]: a fake GitHub, to which
// Flux pushed its branch; $HUB is its API. $WORKTREE is a work tree of the repository.
func hubCmd(ts *testscript.TestScript, s *story, args []string) {
	var changes []func(*fakehub.Repo)
	if slices.Contains(args, "actions-may-not-open") {
		changes = append(changes, storytest.ActionsMayNotOpen)
	}
	// What GitHub dates must not differ from run to run.
	clock := func() time.Time { return time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC) }
	s.Scene = storytest.New(s.TB, "../..", fakehub.Options{
		Enterprise: slices.Contains(args, "enterprise"), Now: clock,
		Probes: slices.Contains(args, "probes"), ProbesOnly: slices.Contains(args, "probes-only"),
	}, changes...)
	ts.Setenv("HUB", s.URL)
	ts.Setenv("WORKTREE", s.Work)
	ts.Setenv("BASE", s.Rev(storytest.Base))
	ts.Setenv("HEAD", s.Rev(storytest.Head))
	scene := s.Scene
	s.Cleanup(func() {
		s.parity()
		if n := len(scene.Requests()); n > 0 && !s.Failed() {
			s.Errorf("%d requests were not held against a golden file", n)
		}
	})
}

// push BRANCH [as=LOGIN]: the commit that is checked out; $SHA is its id. It is
// the bot that pushes when nobody is named.
func pushCmd(ts *testscript.TestScript, s *story, args []string) {
	plain, named := words(args)
	who := storytest.Bot
	if login := take(named, "as"); login != "" {
		who.Name = login
	}
	if len(plain) != 1 || len(named) > 0 {
		ts.Fatalf("usage: push BRANCH [as=LOGIN]")
	}
	ts.Setenv("SHA", s.Push(who, plain[0]))
}

// pull [BRANCH] [to=BASE] [by=LOGIN] [from=FORK] [commits=N]: opens a pull request,
// to main where it is not said; GitHub tells of N commits. $PULL is its number.
func pullCmd(ts *testscript.TestScript, s *story, args []string) {
	plain, named := words(args)
	p := fakehub.Pull{Title: "Image updates", Head: storytest.Head, Author: storytest.Bot.Name}
	if len(plain) == 1 {
		p.Head = plain[0]
	}
	if by := take(named, "by"); by != "" {
		p.Author = by
	}
	p.Base, p.HeadRepo, p.Commits = take(named, "to"), take(named, "from"), number(ts, take(named, "commits"))
	if len(plain) > 1 || len(named) > 0 {
		ts.Fatalf("usage: pull [BRANCH] [to=BASE] [by=LOGIN] [from=FORK] [commits=N]")
	}
	ts.Setenv("PULL", fmt.Sprint(s.OpenPull(storytest.Repository, p)))
}

// fork OWNER: forks the repository as it is.
func forkCmd(ts *testscript.TestScript, s *story, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: fork OWNER")
	}
	dir := filepath.Join(s.dir, args[0]+".git")
	s.Git("clone", "-q", "--bare", s.Git("remote", "get-url", "origin"), dir)
	ts.Check(s.AddRepo(fakehub.Repo{Dir: dir, Owner: args[0], Name: storytest.Name, ForkOf: storytest.Repository}))
}

// token SECRET KIND [expired] [as=LOGIN] [days=N] [role=ROLE] [scopes=LIST]
// [refusal=WHY] [PERMISSION=LEVEL...]: makes a token, or changes it.
func tokenCmd(ts *testscript.TestScript, s *story, args []string) {
	plain, named := words(args)
	if len(plain) < 2 || len(plain) > 3 {
		ts.Fatalf("usage: token SECRET KIND [expired] [as=LOGIN] [PERMISSION=LEVEL...]")
	}
	g := fakehub.Grant{Kind: fakehub.Kind(plain[1]), Account: take(named, "as"), Permissions: named}
	g.Role, g.Refusal = take(named, "role"), fakehub.Refusal(take(named, "refusal"))
	if list := take(named, "scopes"); list != "" {
		g.Scopes = strings.Split(list, ",")
	}
	if days := number(ts, take(named, "days")); days != 0 {
		g.Expires = time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC).AddDate(0, 0, days)
	}
	if slices.Contains(plain[2:], "expired") {
		g.Expires = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	}
	s.AddToken(plain[0], g)
}

// issue LOGIN BODY TITLE: opens an issue.
func issueCmd(ts *testscript.TestScript, s *story, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: issue LOGIN BODY TITLE")
	}
	s.AddIssue(storytest.Repository, fakehub.Issue{Author: args[0], Body: args[1], Title: args[2]})
}

// fault OPERATION [skip=N] [times=N] [status=N] [message=TEXT] [graphql=TYPE]
// [move=BRANCH:REVISION] [reset|cut] [HEADER=VALUE...]: orders a failure.
func faultCmd(ts *testscript.TestScript, s *story, args []string) {
	plain, named := words(args)
	if len(plain) == 0 {
		ts.Fatalf("usage: fault OPERATION [NAME=VALUE...]")
	}
	f := fakehub.Fault{
		On: plain[0], Skip: number(ts, take(named, "skip")), Times: number(ts, take(named, "times")),
		Status: number(ts, take(named, "status")), Message: take(named, "message"), GraphQLError: take(named, "graphql"),
		Reset: slices.Contains(plain, "reset"), Cut: slices.Contains(plain, "cut"),
	}
	if branch, to, ok := strings.Cut(take(named, "move"), ":"); ok {
		f.Move = &fakehub.Move{Repo: storytest.Repository, Ref: "refs/heads/" + branch, To: to}
	}
	f.Header = named
	s.AddFault(f)
}

// flaw REVISION missing|corrupt|truncated: spoils an object of the repository.
func flawCmd(ts *testscript.TestScript, s *story, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: flaw REVISION missing|corrupt|truncated")
	}
	s.AddFlaw(storytest.Repository, fakehub.Flaw{
		Object: args[0], Missing: args[1] == "missing", Corrupt: args[1] == "corrupt", Truncated: args[1] == "truncated",
	})
}

// many N FROM TO: updates N files on the base and Flux's branch alike, which is
// built upon the base anew.
func manyCmd(ts *testscript.TestScript, s *story, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: many N FROM TO")
	}
	fill := func(version string) {
		for i := range number(ts, args[0]) {
			s.Write(fmt.Sprintf("clusters/many/%04d.yaml", i), fmt.Sprintf("kind: ConfigMap\ndata:\n"+
				"  tag: %s # {\"$imagepolicy\": \"flux-system:cert-manager-controller:tag\"}\n  number: \"%d\"\n", version, i))
		}
	}
	s.Git("checkout", "-q", storytest.Base)
	fill(args[1])
	s.Commit(storytest.Ann, "Many files")
	s.Push(storytest.Ann, storytest.Base)
	s.Git("checkout", "-q", "-B", storytest.Head)
	fill(args[2])
	s.Commit(storytest.Bot, "chore: automated image updates for non-breaking changes")
	s.Push(storytest.Bot, storytest.Head)
}
