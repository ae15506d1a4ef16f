package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	gh "github.com/google/go-github/v66/github"
)

// PageSize is the most that GitHub lists at once.
const PageSize = 100

// Limited bounds a whole method call by the budget.
func (c Connection) Limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.budget, fmt.Errorf("out of time: the budget of %s is spent", c.budget))
}

// Ask sends one request within the budget, and decodes the answer into out.
func (c Connection) Ask(ctx context.Context, op, method, address string, out any) (*gh.Response, error) {
	ctx, cancel := c.Limited(ctx)
	defer cancel()
	req, err := c.API.NewRequest(method, address, nil)
	if err != nil {
		return nil, Classify(ctx, op, err)
	}
	resp, err := c.API.Do(ctx, req, out)
	if errors.As(err, new(*gh.AcceptedError)) {
		err = nil // go-github's word for the right answer
	}
	return resp, Wrap(ctx, op, err)
}

// Pages reads a list page by page: read is given what names a page, nothing for
// the first one, and gives what names the next. A list that turns in circles or
// has more pages than anybody makes by accident is an error, not a part of it.
func Pages(op string, most int, read func(page string) (next string, err error)) error {
	seen, page := map[string]bool{}, ""
	for range most {
		next, err := read(page)
		if err != nil || next == "" {
			return err
		}
		if seen[next] {
			return Odd(op, "the list turns in circles")
		}
		seen[next], page = true, next
	}
	return Errorf(Truncated, op, "there are more than %d pages", most).WithHint("")
}

// List reads a list through ask, whichever way GitHub names its pages. Each page
// goes to visit, which says whether to read on.
func List[T any](
	op, address string, query url.Values, most int,
	ask func(op, address string, out any) (*gh.Response, error), visit func(page []T) (more bool, err error),
) error {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("per_page", strconv.Itoa(PageSize))
	named := "page"
	return Pages(op, most, func(page string) (string, error) {
		if page != "" {
			query.Set(named, page)
		}
		var list []T
		resp, err := ask(op, address+"?"+query.Encode(), &list)
		if err != nil {
			return "", err
		}
		if more, err := visit(list); err != nil || !more {
			return "", err
		}
		switch {
		case resp.Cursor != "":
			named = "cursor"
			return resp.Cursor, nil
		case resp.After != "":
			named = "after"
			return resp.After, nil
		case resp.NextPage != 0:
			return strconv.Itoa(resp.NextPage), nil
		}
		return "", nil
	})
}

// Sleep waits, but no longer than the budget.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// graphqlError is one of the errors that GraphQL reports with status 200.
type graphqlError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Query sends a GraphQL query about the repository, whose owner and name are
// variables of it, and decodes what is under data into out. It changes nothing, so
// that it may be sent again. A used up limit comes with status 200 here; it is
// waited for once, where the time that is left allows it.
func (c *Client) Query(ctx context.Context, op, query string, variables map[string]any, out any) error {
	all := map[string]any{"owner": c.Owner, "name": c.Name}
	maps.Copy(all, variables)
	err := c.sendGraphQL(readOnly(ctx), op, query, all, out)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != PrimaryLimit || e.Status != http.StatusOK || e.reset.IsZero() {
		return err
	}
	wait := time.Until(e.reset) + time.Second
	if !fits(ctx, wait) || Sleep(ctx, wait) != nil {
		return err
	}
	return c.sendGraphQL(readOnly(ctx), op, query, all, out)
}

// Mutate sends a mutation with its input, once.
func (c *Client) Mutate(ctx context.Context, op, mutation string, input map[string]any) error {
	return c.sendGraphQL(ctx, op, mutation, map[string]any{"input": input}, nil)
}

func (c Connection) sendGraphQL(ctx context.Context, op, query string, variables map[string]any, out any) error {
	req, err := c.API.NewRequest(http.MethodPost, c.graphqlURL, map[string]any{"query": query, "variables": variables})
	if err != nil {
		return Classify(ctx, op, err)
	}
	answer := struct {
		Data   any            `json:"data"`
		Errors []graphqlError `json:"errors"`
	}{Data: out}
	resp, err := c.API.Do(ctx, req, &answer)
	if err != nil {
		return Classify(ctx, op, err)
	}
	if len(answer.Errors) > 0 {
		return graphqlFailure(op, resp.Response, answer.Errors[0])
	}
	return nil
}

// Ends are from where to where a pull request goes.
type Ends struct {
	// Head is the commit at its head; BaseRef the branch it goes to, and BaseTip
	// the commit that the branch is at, empty where the branch is gone.
	Head, BaseRef, BaseTip string
	// DefaultBranch is the repository's.
	DefaultBranch string
}

// Ends reads head and base of a pull request as they are now, in one answer.
// What REST calls base.sha is as old as the last push, so that GraphQL is asked.
func (c *Client) Ends(ctx context.Context, number int) (Ends, error) {
	ctx, cancel := c.Limited(ctx)
	defer cancel()
	op := fmt.Sprintf("read head and base of pull request %d", number)
	const query = "query($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name){" +
		"defaultBranchRef{name} pullRequest(number:$number){number headRefOid baseRefName baseRef{target{oid}}}}}"
	var answer struct {
		Repository struct {
			DefaultBranchRef struct{ Name string }
			PullRequest      *struct {
				Number                  int
				HeadRefOid, BaseRefName string
				BaseRef                 *struct{ Target struct{ Oid string } }
			}
		}
	}
	if err := c.Query(ctx, op, query, map[string]any{"number": number}, &answer); err != nil {
		return Ends{}, err
	}
	p := answer.Repository.PullRequest
	if p == nil || p.Number != number || !IsID(p.HeadRefOid) || p.BaseRefName == "" {
		return Ends{}, Odd(op, "the answer has no head or base, or is another pull request's")
	}
	ends := Ends{Head: p.HeadRefOid, BaseRef: p.BaseRefName, DefaultBranch: answer.Repository.DefaultBranchRef.Name}
	if p.BaseRef != nil {
		ends.BaseTip = p.BaseRef.Target.Oid
	}
	return ends, nil
}
