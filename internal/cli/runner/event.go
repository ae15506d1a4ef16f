package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// maxEvent is the most that GitHub sends as one event, 25 MB, with some room.
const maxEvent = 32 << 20

// Event is what is taken from the event that started the workflow. Titles,
// bodies, logins and everything else that a person may write are left behind;
// what is to be known of a pull request is asked of the API by its number.
type Event struct {
	// Name is the event's name, such as pull_request_target.
	Name string
	// RepositoryID is the numeric id of the repository; 0 where not told.
	RepositoryID int64
	// Number is that of the pull request; 0 where the event has none.
	Number int
	// Head and Base are full commit ids: of the pull request's branches, of the
	// merge group, or after and before the push. Empty where the event has none.
	Head, Base string
	// HeadRef and BaseRef are branch names without refs/heads/, where the event
	// has them.
	HeadRef, BaseRef string
	// DefaultBranch is the repository's, where the event tells it.
	DefaultBranch string
	// Ref is the full name of the ref that the event is about.
	Ref string
	// Deleted says that a push took the ref away.
	Deleted bool
}

// payload is the part of an event that is read.
type payload struct {
	PullRequest *struct {
		Number int  `json:"number"`
		Head   side `json:"head"`
		Base   side `json:"base"`
	} `json:"pull_request"`
	MergeGroup *struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	Repository struct {
		ID            int64  `json:"id"`
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`
	Ref     string `json:"ref"`
	RefType string `json:"ref_type"`
	Before  string `json:"before"`
	After   string `json:"after"`
	Deleted bool   `json:"deleted"`
}

type side struct {
	SHA string `json:"sha"`
	Ref string `json:"ref"`
}

// Event reads the event that started the workflow.
func (r *Runner) Event() (Event, error) {
	name, _ := r.env("GITHUB_EVENT_NAME")
	path, _ := r.env("GITHUB_EVENT_PATH")
	if name == "" || path == "" {
		return Event{}, errors.New("read event: GITHUB_EVENT_NAME or GITHUB_EVENT_PATH is not set")
	}
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return Event{}, fmt.Errorf("read event: %q is no event's name", name)
	}
	file, err := os.Open(path)
	if err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxEvent+1))
	if err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	if len(data) > maxEvent {
		return Event{}, fmt.Errorf("read event: longer than %d bytes", maxEvent)
	}
	var p payload
	if err := json.Unmarshal(data, &p); err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	e, err := p.event(name)
	if err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	if e.Ref == "" {
		e.Ref, _ = r.env("GITHUB_REF")
	}
	if e.Head == "" && e.Number == 0 && !e.Deleted {
		e.Head, _ = r.env("GITHUB_SHA")
	}
	if err := e.check(); err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	return e, nil
}

// event picks what the named event has.
func (p payload) event(name string) (Event, error) {
	e := Event{Name: name, RepositoryID: p.Repository.ID, DefaultBranch: p.Repository.DefaultBranch}
	switch name {
	case "pull_request", "pull_request_target", "pull_request_review":
		if p.PullRequest == nil || p.PullRequest.Number <= 0 {
			return e, fmt.Errorf("%s holds no pull request", name)
		}
		e.Number = p.PullRequest.Number
		e.Head, e.HeadRef = p.PullRequest.Head.SHA, p.PullRequest.Head.Ref
		e.Base, e.BaseRef = p.PullRequest.Base.SHA, p.PullRequest.Base.Ref
	case "merge_group":
		if p.MergeGroup == nil {
			return e, errors.New("merge_group holds no merge group")
		}
		g := p.MergeGroup
		e.Head, e.Base = g.HeadSHA, g.BaseSHA
		e.HeadRef, e.BaseRef = branch(g.HeadRef), branch(g.BaseRef)
		e.Ref = g.HeadRef
	case "push":
		e.Ref, e.Head, e.Base = p.Ref, present(p.After), present(p.Before)
		e.HeadRef = branch(p.Ref)
		e.Deleted = p.Deleted || e.Head == ""
	case "create": // which names a branch or a tag in short, and no commit
		if p.RefType == "branch" {
			e.HeadRef = p.Ref
		}
	}
	return e, nil
}

// branch is a full ref name without refs/heads/; empty for tags and the like.
func branch(ref string) string {
	name, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return ""
	}
	return name
}

// present is the commit id, or nothing for the zeros that stand for none.
func present(sha string) string {
	if strings.Trim(sha, "0") == "" {
		return ""
	}
	return sha
}

var (
	commitID = pattern.Lazy(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	// notInRef is what Git forbids in a ref's name.
	notInRef = pattern.Lazy("[\x00-\x20\x7f~^:?*\\[\\\\]|\\.\\.|@\\{|//|^/|[/.]$|\\.lock(/|$)")
)

// check refuses what is not a commit id or a ref's name.
func (e Event) check() error {
	for _, sha := range []string{e.Head, e.Base} {
		if sha != "" && !commitID().MatchString(sha) {
			return fmt.Errorf("%q is not a commit id", sha)
		}
	}
	for _, ref := range []string{e.Ref, e.HeadRef, e.BaseRef, e.DefaultBranch} {
		if notInRef().MatchString(ref) || len(ref) > 1024 {
			return fmt.Errorf("%q is not a ref's name", ref)
		}
	}
	return nil
}
