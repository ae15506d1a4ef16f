package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
)

// push is one entry of a repository's activity list, which go-github does not
// have (https://docs.github.com/rest/repos/repos#list-repository-activities).
type push struct {
	Before string   `json:"before"`
	After  string   `json:"after"`
	Ref    string   `json:"ref"`
	Type   string   `json:"activity_type"`
	Actor  *gh.User `json:"actor"`
}

// pushes lists what was done to a branch, the latest first. A token that may
// not read the list, or a server that has none, gives an empty one: then it is
// not known who pushed, which is less evidence and no gap.
func (c *Client) pushes(ctx context.Context, branch string) ([]push, error) {
	ref := "refs/heads/" + branch
	op := "read the activity of branch " + quote(branch)
	address := fmt.Sprintf("repos/%s/%s/activity?per_page=%d&ref=%s", c.owner, c.name, pageSize, url.QueryEscape(ref))
	req, err := c.api.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, classify(ctx, op, err)
	}
	var list []push
	if _, err := c.api.Do(ctx, req, &list); err != nil {
		e := classify(ctx, op, err)
		if e.Kind == Forbidden || e.Kind == NotFound || e.Kind == Refused || e.Kind == SSO {
			return nil, nil
		}
		return nil, e
	}
	var out []push
	for _, p := range list {
		if p.Ref == ref {
			out = append(out, p)
		}
	}
	return out, nil
}

// pushesOf is pushes, asked again where the latest push is not there yet.
func (c *Client) pushesOf(ctx context.Context, branch, head string) ([]push, error) {
	list, err := c.pushes(ctx, branch)
	if err != nil || len(list) == 0 || list[0].After == head {
		return list, err
	}
	if err := c.pause(ctx, c.firstWait); err != nil {
		return nil, classify(ctx, "read the activity of branch "+quote(branch), err)
	}
	return c.pushes(ctx, branch)
}

// pusher finds who pushed the head, and the commits of the change below it
// where they were pushed one after the other. Where several accounts pushed,
// it is the latest that did not push the head: that is whom to ask about. It
// is zero where the list does not tell all of it.
func pusher(list []push, head string, commits []*gh.RepositoryCommit) gate.Account {
	inside := map[string]bool{}
	for _, c := range commits {
		inside[c.GetSHA()] = true
	}
	var first gate.Account
	want := head
	for _, p := range list {
		if p.After != want {
			if want == head {
				return gate.Account{} // the branch is elsewhere by now, or the list lags behind
			}
			continue
		}
		actor := account(p.Actor)
		switch {
		case actor.ID == 0:
			return gate.Account{}
		case first.ID == 0:
			first = actor
		case actor.ID != first.ID:
			return actor
		}
		// Who forces a push answers for the whole branch.
		if p.Type != "push" || !inside[p.Before] || strings.Trim(p.Before, "0") == "" {
			return first
		}
		want = p.Before
	}
	return gate.Account{}
}

// whoPushed is pusher on the list that GitHub has; a gap where it cannot be
// read now.
func whoPushed(list []push, err error, head string, commits []*gh.RepositoryCommit) (gate.Account, string) {
	if e, ok := errors.AsType[*Error](err); ok {
		return gate.Account{}, e.Error()
	}
	return pusher(list, head, commits), ""
}
