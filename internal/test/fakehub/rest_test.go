package fakehub_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

const owner, name = "goldfish-inc", "oceanid"

// status is the status code that a go-github call got.
func status(r *github.Response) int {
	if r == nil || r.Response == nil {
		return 0
	}
	return r.StatusCode
}

// says fails unless a call got that status, and a message with that text.
func says(t *testing.T, r *github.Response, err error, code int, text string) {
	t.Helper()
	if status(r) != code {
		t.Fatalf("got %d (%v), want %d", status(r), err, code)
	}
	var refused *github.ErrorResponse
	if text != "" && (!errors.As(err, &refused) || !strings.Contains(fmt.Sprint(refused.Message, refused.Errors), text)) {
		t.Errorf("got %v, want %q", err, text)
	}
}

func TestPullRequestsLife(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	ctx := context.Background()
	w.AddToken("ghp_bot", fakehub.Grant{Kind: fakehub.Classic, Account: "fluxbot", Scopes: []string{"repo"}})
	bot, c := w.client("ghp_bot"), w.client(fakehub.Token)
	create := func(title, head, base string) (*github.PullRequest, *github.Response, error) {
		return bot.PullRequests.Create(ctx, owner, name, &github.NewPullRequest{Title: &title, Head: &head, Base: &base})
	}
	_, r, err := create("x", "nowhere", "main")
	says(t, r, err, 422, "invalid")
	_, r, err = create("x", "main", "main")
	says(t, r, err, 422, "No commits between main and main")
	pull, r, err := create("Update", "flux-image-updates", "main")
	says(t, r, err, 201, "")
	_, r, err = create("Update", "flux-image-updates", "main")
	says(t, r, err, 422, "A pull request already exists for goldfish-inc:flux-image-updates.")

	n, head := pull.GetNumber(), pull.GetHead().GetSHA()
	_, r, err = bot.PullRequests.CreateReview(ctx, owner, name, n, &github.PullRequestReviewRequest{Event: github.String("APPROVE")})
	says(t, r, err, 422, "Can not approve your own pull request")
	_, r, err = c.PullRequests.CreateReview(ctx, owner, name, n, &github.PullRequestReviewRequest{Event: github.String("APPROVE"),
		CommitID: &head})
	says(t, r, err, 200, "")
	moved := w.write2("apps/web.yaml", "image: web:1.0.2\n", "flux-image-updates")
	_, r, err = c.PullRequests.Merge(ctx, owner, name, n, "", &github.PullRequestOptions{SHA: head, MergeMethod: "squash"})
	says(t, r, err, 409, "Head branch was modified")
	merged, r, err := c.PullRequests.Merge(ctx, owner, name, n, "", &github.PullRequestOptions{SHA: moved, MergeMethod: "squash"})
	says(t, r, err, 200, "")
	if got := w.run(w.dir, "rev-parse", "main"); got != merged.GetSHA() {
		t.Errorf("main is %s after the merge, want %s", got, merged.GetSHA())
	}
	if got := w.run(w.dir, "show", "main:apps/web.yaml"); got != "image: web:1.0.2" {
		t.Errorf("main has %q", got)
	}
	_, r, err = c.PullRequests.Merge(ctx, owner, name, n, "", nil)
	says(t, r, err, 405, "not mergeable")
	blocked := w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates", Blocked: true})
	_, r, err = c.PullRequests.Merge(ctx, owner, name, blocked, "", nil)
	says(t, r, err, 405, "Required status check")
	again, _, err := c.PullRequests.Get(ctx, owner, name, n)
	if err != nil || !again.GetMerged() || again.GetHead().GetSHA() != moved || again.GetState() != "closed" {
		t.Errorf("after the merge: %v, %v", again, err)
	}
}

// write2 writes a file and pushes it.
func (w *world) write2(path, content, branch string) string {
	w.t.Helper()
	w.write(path, content)
	return w.commit("change "+path, branch)
}

func TestActionsMayNotOpenPullRequests(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	other := fakehub.Repo{Dir: w.dir, Owner: "goldfish-inc", Name: "strict"}
	if err := w.AddRepo(other); err != nil {
		t.Fatal(err)
	}
	_, r, err := w.client(fakehub.Token).PullRequests.Create(context.Background(), owner, "strict", &github.NewPullRequest{
		Title: github.String("x"), Head: github.String("flux-image-updates"), Base: github.String("main"),
	})
	says(t, r, err, 403, "GitHub Actions is not permitted to create or approve pull requests.")
}

func TestPullRequestIsClosedCommentedAndLabelled(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	ctx, c := context.Background(), w.client(fakehub.Token)
	n := w.OpenPull(full, fakehub.Pull{Title: "Update", Head: "flux-image-updates", Labels: []string{"flux"}})
	if _, _, err := c.PullRequests.Edit(ctx, owner, name, n,
		&github.PullRequest{Title: github.String("New"), State: github.String("closed")}); err != nil {
		t.Fatal(err)
	}
	made, _, err := c.Issues.CreateComment(ctx, owner, name, n, &github.IssueComment{Body: github.String("stale")})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Issues.EditComment(ctx, owner, name, made.GetID(), &github.IssueComment{Body: github.String("stale!")}); err != nil {
		t.Fatal(err)
	}
	_, r, err := c.Issues.CreateComment(ctx, owner, name, n, &github.IssueComment{Body: github.String(strings.Repeat("x", 65_537))})
	says(t, r, err, 422, "Body is too long")
	if comments := w.Comments(full, n); len(comments) != 1 || comments[0].Body != "stale!" {
		t.Errorf("comments: %v", comments)
	}
	if _, _, err := c.Issues.AddLabelsToIssue(ctx, owner, name, n, []string{"patch"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Issues.RemoveLabelForIssue(ctx, owner, name, n, "flux"); err != nil {
		t.Fatal(err)
	}
	got, ok := w.Pull(full, n)
	if !ok || got.Open || got.Title != "New" || fmt.Sprint(got.Labels) != "[patch]" {
		t.Errorf("pull request: %+v", got)
	}
	open, _, err := c.PullRequests.List(ctx, owner, name, &github.PullRequestListOptions{State: "open"})
	closed, _, err2 := c.PullRequests.List(ctx, owner, name,
		&github.PullRequestListOptions{State: "closed", Head: owner + ":flux-image-updates"})
	if err != nil || err2 != nil || len(open) != 0 || len(closed) != 1 {
		t.Errorf("lists: %v, %v, %v, %v", open, closed, err, err2)
	}
}

func TestChecksAndStatuses(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	ctx, c := context.Background(), w.client(fakehub.Token)
	sha := w.git("rev-parse", "HEAD")
	annotation := func(n int) []*github.CheckRunAnnotation {
		var all []*github.CheckRunAnnotation
		for i := range n {
			all = append(all, &github.CheckRunAnnotation{
				Path: github.String("a"), StartLine: github.Int(i + 1), EndLine: github.Int(i + 1), AnnotationLevel: github.String("failure"),
				Message: github.String("m"),
			})
		}
		return all
	}
	output := func(n int) *github.CheckRunOutput {
		return &github.CheckRunOutput{Title: github.String("t"), Summary: github.String("s"), Annotations: annotation(n)}
	}
	run, _, err := c.Checks.CreateCheckRun(ctx, owner, name, github.CreateCheckRunOptions{Name: "fluxkeeper", HeadSHA: sha,
		Output: output(50)})
	if err != nil {
		t.Fatal(err)
	}
	run, _, err = c.Checks.UpdateCheckRun(ctx, owner, name, run.GetID(), github.UpdateCheckRunOptions{
		Name: "fluxkeeper", Status: github.String("completed"), Conclusion: github.String("failure"), Output: output(7),
	})
	if err != nil || run.GetStatus() != "completed" || run.GetOutput().GetAnnotationsCount() != 57 {
		t.Errorf("check run: %v, %v", run, err)
	}
	list, _, err := c.Checks.ListCheckRunsForRef(ctx, owner, name, "flux-image-updates",
		&github.ListCheckRunsOptions{CheckName: github.String("fluxkeeper")})
	if err != nil || list.GetTotal() != 1 {
		t.Errorf("check runs: %v, %v", list, err)
	}
	last, _, err := c.Checks.ListCheckRunAnnotations(ctx, owner, name, run.GetID(), &github.ListOptions{PerPage: 50, Page: 2})
	if err != nil || len(last) != 7 {
		t.Errorf("annotations: %v, %v", last, err)
	}
	_, r, err := c.Repositories.CreateStatus(ctx, owner, name, sha,
		&github.RepoStatus{State: github.String("success"), Description: github.String(strings.Repeat("x", 141))})
	says(t, r, err, 422, "too long")
	for _, state := range []string{"pending", "success"} {
		if _, _, err := c.Repositories.CreateStatus(ctx, owner, name, sha,
			&github.RepoStatus{State: &state, Context: github.String("fluxkeeper")}); err != nil {
			t.Fatal(err)
		}
	}
	all, _, err := c.Repositories.ListStatuses(ctx, owner, name, sha, nil)
	if err != nil || len(all) != 2 || all[0].GetState() != "success" {
		t.Errorf("statuses: %v, %v", all, err)
	}
}

func TestActivityNamesWhoPushed(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.AddAccount(fakehub.Account{Login: "fluxbot", ID: 77})
	head, base := w.git("rev-parse", "HEAD"), w.git("rev-parse", "main")
	w.AddPush(full, fakehub.Push{Ref: "main", After: base, Actor: "somebody"})
	w.AddPush(full, fakehub.Push{Ref: "flux-image-updates", Before: base, After: head, Actor: "fluxbot"})
	c := w.client(fakehub.Token)
	request, err := c.NewRequest("GET", "repos/goldfish-inc/oceanid/activity?ref=refs/heads/flux-image-updates&per_page=100", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []struct {
		After string
		Actor struct{ ID int64 }
	}
	if _, err := c.Do(context.Background(), request, &got); err != nil || len(got) != 1 || got[0].After != head || got[0].Actor.ID != 77 {
		t.Errorf("activity: %v, %v", got, err)
	}
}

func TestForks(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	fork := t.TempDir()
	w.run("", "clone", "-q", "--bare", w.dir, fork)
	if err := w.AddRepo(fakehub.Repo{Dir: fork, Owner: "stranger", Name: "oceanid", ID: 999, ForkOf: full}); err != nil {
		t.Fatal(err)
	}
	w.write("apps/web.yaml", "image: evil:1\n")
	w.git("commit", "-qam", "evil")
	w.git("push", "-q", fork, "HEAD:refs/heads/flux-image-updates")
	ctx, c := context.Background(), w.client(fakehub.Token)
	n := w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates", HeadRepo: "stranger/oceanid", Author: "stranger"})
	pull, _, err := c.PullRequests.Get(ctx, owner, name, n)
	if err != nil || pull.GetHead().GetRepo().GetID() != 999 || pull.GetHead().GetLabel() != "stranger:flux-image-updates" ||
		pull.GetCommits() != 2 {
		t.Errorf("pull request of a fork: %v, %v", pull, err)
	}
	if _, _, err := c.Git.GetTree(ctx, owner, name, pull.GetHead().GetSHA(), true); err != nil {
		t.Errorf("the base repository does not see the fork's commit: %v", err)
	}
	gone := w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates", HeadGone: true, HeadSHA: w.git("rev-parse", "HEAD")})
	pull, _, err = c.PullRequests.Get(ctx, owner, name, gone)
	if err != nil || pull.GetHead().Repo != nil {
		t.Errorf("pull request of a deleted fork: %v, %v", pull, err)
	}
}

func TestListsEndWhereGitHubsDo(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	var stream strings.Builder
	for i := range 259 {
		fmt.Fprintf(&stream, "commit refs/heads/flux-image-updates\ncommitter Flux <flux@example.com> %d +0000\ndata 1\nx\n", 1_700_000_001+i)
		if i == 0 {
			stream.WriteString("from refs/heads/flux-image-updates^0\n")
		}
	}
	w.pipe(w.dir, stream.String(), "fast-import", "--quiet")
	n := w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates", ChangedFiles: 5})
	ctx, c := context.Background(), w.client(fakehub.Token)
	pull, _, err := c.PullRequests.Get(ctx, owner, name, n)
	if err != nil || pull.GetCommits() != 260 || pull.GetChangedFiles() != 5 {
		t.Fatalf("pull request: %v, %v", pull, err)
	}
	compared, _, err := c.Repositories.CompareCommits(ctx, owner, name, "main", "flux-image-updates", nil)
	if err != nil || len(compared.Commits) != 250 || compared.GetTotalCommits() != 260 {
		t.Errorf("compared %d of %d: %v", len(compared.Commits), compared.GetTotalCommits(), err)
	}
}

func TestOtherReads(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	ctx, c := context.Background(), w.client(fakehub.Token)
	w.AddToken("github_pat_bot", fakehub.Grant{Kind: fakehub.FineGrained, Account: "fluxbot",
		Permissions: map[string]string{"contents": "read"}, Expires: time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC)})
	sha := w.git("rev-parse", "HEAD")
	w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates"})
	for what, do := range map[string]func() (any, *github.Response, error){
		"repository": func() (any, *github.Response, error) { return three(c.Repositories.Get(ctx, owner, name)) },
		"branch": func() (any, *github.Response, error) {
			return three(c.Repositories.GetBranch(ctx, owner, name, "main", 0))
		},
		"commits":    func() (any, *github.Response, error) { return three(c.Repositories.ListCommits(ctx, owner, name, nil)) },
		"git commit": func() (any, *github.Response, error) { return three(c.Git.GetCommit(ctx, owner, name, sha)) },
		"ref":        func() (any, *github.Response, error) { return three(c.Git.GetRef(ctx, owner, name, "heads/main")) },
		"pulls of a commit": func() (any, *github.Response, error) {
			return three(c.PullRequests.ListPullRequestsWithCommit(ctx, owner, name, sha, nil))
		},
		"rate limits": func() (any, *github.Response, error) { return three(c.RateLimit.Get(ctx)) },
		"meta":        func() (any, *github.Response, error) { return three(c.Meta.Get(ctx)) },
		"me":          func() (any, *github.Response, error) { return three(w.client("github_pat_bot").Users.Get(ctx, "")) },
		"blob": func() (any, *github.Response, error) {
			return three(c.Git.GetBlob(ctx, owner, name, w.git("rev-parse", "HEAD:README.md")))
		},
	} {
		got, r, err := do()
		if err != nil || status(r) != http.StatusOK || got == nil {
			t.Errorf("%s: %v, %v", what, status(r), err)
		}
		if what == "me" && r.TokenExpiration.Year() != 2099 {
			t.Errorf("the token expires %v", r.TokenExpiration)
		}
	}
}

// three turns the results of a go-github call into ones of any type.
func three[T any](v T, r *github.Response, err error) (any, *github.Response, error) {
	return v, r, err
}
