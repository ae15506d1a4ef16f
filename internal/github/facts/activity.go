package facts

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
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
// not read the list, or a server that has none, gives nil: then it is
// not known who pushed: that is less evidence, and for the judge to weigh.
func (r *Reader) pushes(ctx context.Context, branch string) ([]push, error) {
	ref := "refs/heads/" + branch
	op := "read the activity of branch " + text.Quote(branch)
	address := fmt.Sprintf("repos/%s/%s/activity?per_page=%d&ref=%s", r.Owner, r.Name, github.PageSize, url.QueryEscape(ref))
	var list []push
	_, err := r.Ask(ctx, op, http.MethodGet, address, &list)
	switch github.KindOf(err) {
	case github.Forbidden, github.NotFound, github.Refused, github.SSO:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := []push{} // and not nil, which is for a list that cannot be read
	for _, p := range list {
		if p.Ref == ref {
			out = append(out, p)
		}
	}
	return out, nil
}

// pushesOf is pushes, asked again where the latest push is not there yet.
func (r *Reader) pushesOf(ctx context.Context, branch, head string) (list []push, err error) {
	for round := range rereads + 1 {
		if round > 0 {
			if err := github.Sleep(ctx, r.FirstWait<<(round-1)); err != nil {
				return nil, github.Classify(ctx, "read the activity of branch "+text.Quote(branch), err)
			}
		}
		list, err = r.pushes(ctx, branch)
		if err != nil || list == nil || len(list) > 0 && list[0].After == head {
			break
		}
	}
	return list, err
}

// pushers finds who pushed the head, and who else pushed the commits of the
// change below it where they were pushed one after the other. The first is
// zero where the list does not tell; so is one of the others. A push of one
// mechanical merge is nobody's.
func pushers(list []push, head string, commits []*gh.RepositoryCommit, mechanical map[string]bool) (first change.Account,
	others []change.Account) {
	inside, upon := map[string]bool{}, map[string]string{}
	for _, c := range commits {
		inside[c.GetSHA()] = true
		if mechanical[c.GetSHA()] {
			upon[c.GetSHA()] = c.Parents[0].GetSHA()
		}
	}
	if len(list) == 0 || list[0].After != head {
		return first, nil // the branch is elsewhere by now, or the list lags behind
	}
	var all []change.Account
	want, whole := head, false
	for _, p := range list {
		if p.After != want {
			continue
		}
		// Who forces a push, or makes a branch, answers for all of it.
		whole = p.Type == "force_push" || p.Type == "branch_creation" || !inside[p.Before]
		actor := account(p.Actor)
		if (whole || upon[want] != p.Before) && !slices.ContainsFunc(all, func(a change.Account) bool { return a.ID == actor.ID }) {
			all = append(all, actor)
		}
		if whole {
			break
		}
		want = p.Before
	}
	if !whole {
		all = append(all, change.Account{})
	}
	return all[0], slices.Concat(all[1:])
}

// whoPushed fills in what the activity list tells; a gap where it cannot be
// read now.
func whoPushed(facts *change.Facts, list []push, err error, commits []*gh.RepositoryCommit, mechanical map[string]bool) {
	if err != nil {
		facts.Gaps = append(facts.Gaps, err.Error())
		return
	}
	facts.Pull.Pusher, facts.Pull.AlsoPushed = pushers(list, facts.Head.Commit, commits, mechanical)
}
