package github

import (
	"context"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// NewFast is New, but the first retry waits a millisecond.
func NewFast(o Options) (*Client, error) { return newClient(o, time.Millisecond) }

// NewFastWebhooks is NewWebhooks, but the first retry waits a millisecond.
func NewFastWebhooks(o Options, app App) (*Webhooks, error) {
	return newWebhooks(o, app, time.Millisecond)
}

// Mutate sends a mutation.
func (c *Client) Mutate(ctx context.Context) error {
	return c.mutate(ctx, "change something", query{Query: "mutation{x}"}, nil)
}

// Query sends a query.
func (c *Client) Query(ctx context.Context) error {
	return c.graphql(ctx, "ask something", query{Query: "query{x}"}, nil)
}

// MaxSingle bounds the files that are read one by one.
const MaxSingle = maxSingle

// MaxBody is the bound on one answer.
const MaxBody = maxBody

// ProbeFast is Probe, but the second try waits a millisecond.
func ProbeFast(ctx context.Context, o Options, need token.Need) (token.Observations, error) {
	return probe(ctx, o, need, time.Millisecond)
}

// GitRoot is where the server with this API is pushed to.
func GitRoot(api string) (string, error) {
	root, err := parseRoot(api)
	if err != nil {
		return "", err
	}
	return gitRoot(*root), nil
}
