package github

import (
	"context"
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
