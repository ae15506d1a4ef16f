package github

import (
	"context"

	gh "github.com/google/go-github/v66/github"
)

// The facts still stand here, and call what moved by its old name.

type facts struct {
	api         *gh.Client
	owner, name string
	store       *store
}

func newFacts(c Connection, owner, name string) facts {
	return facts{c.API, owner, name, newStore()}
}

type connection = Connection

type query struct {
	Query     string
	Variables map[string]any
}

var classify, odd, misuse, isID, plain = Classify, Odd, Misused, IsID, Printable

func (c *Client) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return c.Limited(ctx)
}

func (c *Client) graphql(ctx context.Context, op string, q query, out any) error {
	return c.Query(ctx, op, q.Query, q.Variables, out)
}
