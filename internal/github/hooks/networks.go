package hooks

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// networksEvery is how often GitHub is asked for its networks again. They change a
// few times a year, with notice.
const networksEvery = time.Hour

// Networks are those that deliveries may come from: some that are given, and GitHub's
// from Refresh on.
type Networks struct {
	client *Client
	given  []netip.Prefix
	all    atomic.Pointer[[]netip.Prefix]
}

// NewNetworks has the networks that are given. Without a client they can only be read.
func NewNetworks(client *Client, given []netip.Prefix) *Networks {
	n := &Networks{client: client, given: given}
	n.all.Store(&given)
	return n
}

// All are the networks as they are now.
func (n *Networks) All() []netip.Prefix { return *n.all.Load() }

// Refresh asks GitHub for its networks. Where it does not answer, the last list stays.
func (n *Networks) Refresh(ctx context.Context) error {
	named, err := n.client.HookNetworks(ctx)
	if err != nil {
		return err
	}
	all := slices.Concat(n.given, named)
	n.all.Store(&all)
	return nil
}

// Follow refreshes them every hour, until the context ends, and tells of what fails.
func (n *Networks) Follow(ctx context.Context, failed func(error)) {
	for github.Sleep(ctx, networksEvery) == nil {
		if err := n.Refresh(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}
