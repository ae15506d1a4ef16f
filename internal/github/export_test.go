package github

import (
	"context"
	"fmt"
	"time"
)

// NewFast is New, but the first retry waits a millisecond.
func NewFast(o Options) (*Client, error) {
	o.FirstWait = time.Millisecond
	return New(o)
}

// Change sends a mutation.
func (c *Client) Change(ctx context.Context) error {
	return c.Mutate(ctx, "change something", "mutation{x}", nil)
}

// Question sends a query.
func (c *Client) Question(ctx context.Context) error {
	return c.Query(ctx, "ask something", "query{x}", nil, nil)
}

// MaxBody is the bound on one answer.
const MaxBody = maxBody

// Head is one request that reads, as every package of this folder makes them.
func (c *Client) Head(ctx context.Context, number int) (string, error) {
	ctx, cancel := c.Limited(ctx)
	defer cancel()
	op := fmt.Sprintf("read pull request %d", number)
	pull, _, err := c.API.PullRequests.Get(ctx, c.Owner, c.Name, number)
	if err != nil {
		return "", Classify(ctx, op, err)
	}
	sha := pull.GetHead().GetSHA()
	if !IsID(sha) || pull.GetNumber() != number {
		return "", Odd(op, "the answer has no head commit, or is another pull request's")
	}
	return sha, nil
}
