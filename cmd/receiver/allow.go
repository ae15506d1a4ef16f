package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	// theirs stands on the command line for the networks that GitHub names.
	theirs = "github"
	// networksEvery is how often GitHub is asked for them again. They change a
	// few times a year, with notice.
	networksEvery = time.Hour
)

// client asks GitHub, for whatever of the flags needs it; nil where none does.
func (c *serveCmd) asker(a *console.Console, log *slog.Logger) (*hooks.Client, error) {
	if c.Reconcile > 0 && !c.asked() {
		return nil, console.Fail(console.StatusUsage, errors.New("--reconcile: nobody to ask"),
			"name a repository, an organization or an App with --repo, --org or --app-id")
	}
	if c.Reconcile <= 0 && !slices.Contains(c.AllowNetwork, theirs) {
		return nil, nil
	}
	return c.listing.client(a, func(r github.Retry) {
		log.Debug("GitHub is asked again", "cause", r.Cause, "wait", r.Wait, "try", r.Try)
	})
}

// networks are those that deliveries may come from.
type networks struct {
	fixed []netip.Prefix
	all   atomic.Pointer[[]netip.Prefix]
}

// allow reads the lists of who may deliver. The networks are there when they
// are to be followed.
func (c *serveCmd) allow(ctx context.Context, client *hooks.Client) (intake.Allow, *networks, error) {
	allow := intake.Allow{Hooks: c.AllowHook, Targets: c.AllowTarget}
	var err error
	if allow.Proxies, err = prefixes("--proxy", c.Proxy); err != nil {
		return allow, nil, err
	}
	given := slices.DeleteFunc(slices.Clone(c.AllowNetwork), func(text string) bool { return text == theirs })
	n := new(networks)
	if n.fixed, err = prefixes("--allow-network", given); err != nil {
		return allow, nil, err
	}
	n.all.Store(&n.fixed)
	if len(c.AllowNetwork) > 0 {
		allow.Networks = func() []netip.Prefix { return *n.all.Load() }
	}
	if len(given) == len(c.AllowNetwork) {
		return allow, nil, nil
	}
	// Without the list nobody could deliver, and with none anybody could.
	if err := n.refresh(ctx, client); err != nil {
		return allow, nil, err
	}
	return allow, n, nil
}

func (n *networks) refresh(ctx context.Context, client *hooks.Client) error {
	named, err := client.HookNetworks(ctx)
	if err != nil {
		return err
	}
	all := slices.Concat(n.fixed, named)
	n.all.Store(&all)
	return nil
}

// follow asks again now and then. While GitHub does not answer, the last list
// stays.
func (n *networks) follow(ctx context.Context, client *hooks.Client, log *slog.Logger) {
	for github.Sleep(ctx, networksEvery) == nil {
		if err := n.refresh(ctx, client); err != nil && ctx.Err() == nil {
			log.Error("ask GitHub for the networks of its webhooks", "error", err, "hint", text.HintOf(err))
		}
	}
}

func prefixes(flag string, texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, console.Fail(console.StatusUsage, fmt.Errorf("%s: %q is not a network such as 192.0.2.0/24", flag, text), "")
		}
		all = append(all, p)
	}
	return all, nil
}
