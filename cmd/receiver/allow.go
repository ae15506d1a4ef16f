package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
)

// theirs stands on the command line for the networks that GitHub names.
const theirs = "github"

// asker asks GitHub, for whatever of the flags needs it; nil where none does.
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

// allow reads the lists of who may deliver. The networks are there when they
// are to be followed.
func (c *serveCmd) allow(ctx context.Context, client *hooks.Client) (intake.Allow, *hooks.Networks, error) {
	allow := intake.Allow{Hooks: c.AllowHook, Targets: c.AllowTarget}
	var err error
	if allow.Proxies, err = prefixes("--proxy", c.Proxy); err != nil {
		return allow, nil, err
	}
	given := slices.DeleteFunc(slices.Clone(c.AllowNetwork), func(text string) bool { return text == theirs })
	fixed, err := prefixes("--allow-network", given)
	if err != nil {
		return allow, nil, err
	}
	n := hooks.NewNetworks(client, fixed)
	if len(c.AllowNetwork) > 0 {
		allow.Networks = n.All
	}
	if len(given) == len(c.AllowNetwork) {
		return allow, nil, nil
	}
	// Without the list nobody could deliver, and with none anybody could.
	return allow, n, n.Refresh(ctx)
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
