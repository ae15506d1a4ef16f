package hooks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// The scopes of webhooks, as audit.Hook has them.
const (
	RepositoryScope   = "repository"
	OrganizationScope = "organization"
	AppScope          = "app"
)

// maxPages bounds a list: a server that never ends is no GitHub.
const maxPages = 20_000

// Scope says where webhooks are set up.
type Scope struct {
	// Kind is RepositoryScope, OrganizationScope or AppScope.
	Kind string
	// Owner is owner/name, the organization's login, or nothing for the app.
	Owner string
}

// Client asks GitHub about webhooks and what became of their deliveries. It is
// safe for concurrent use. Options.Budget bounds each request with its retries,
// not a whole list.
type Client struct {
	github.Connection
	app *github.Connection // nil without an app
}

// New makes a client; it sends nothing. Options.Repository is not looked at. An
// app is needed for the app's own webhook alone; its zero value is none.
func New(o github.Options, app github.App) (*Client, error) {
	connection, err := github.Connect(o)
	if err != nil {
		return nil, err
	}
	c := &Client{Connection: connection}
	if app == (github.App{}) {
		return c, nil
	}
	if connection, err = github.ConnectApp(o, app); err != nil {
		return nil, err
	}
	c.app = &connection
	return c, nil
}

// endpoint is where a scope's webhooks are asked for.
type endpoint struct {
	github.Connection
	scope Scope
	path  string
}

func (c *Client) endpoint(op string, s Scope) (endpoint, error) {
	switch s.Kind {
	case RepositoryScope:
		if _, _, ok := github.SplitName(s.Owner); !ok {
			return endpoint{}, github.Misused(op, "name the repository as owner/name", "not of the form owner/name")
		}
		return endpoint{c.Connection, s, "repos/" + s.Owner}, nil
	case OrganizationScope:
		if !github.IsName(s.Owner) {
			return endpoint{}, github.Misused(op, "name the organization by its login", "not a login")
		}
		return endpoint{c.Connection, s, "orgs/" + s.Owner}, nil
	case AppScope:
		if c.app == nil {
			return endpoint{}, github.Misused(op, "give the app's number and private key",
				"an app's webhook is the app's own to ask for, and no app is given")
		}
		return endpoint{*c.app, s, "app"}, nil
	}
	return endpoint{}, github.Misused(op, "use repository, organization or app", "no such scope")
}

// deliveries is where a hook's deliveries are asked for.
func (c *Client) deliveries(op string, hook audit.Hook) (endpoint, error) {
	at, err := c.endpoint(op, scopeOf(hook))
	if hook.Scope == AppScope {
		at.path += "/hook/deliveries"
	} else {
		at.path += fmt.Sprintf("/hooks/%d/deliveries", hook.ID)
	}
	return at, err
}

// ask asks with a hint that names what the token lacks: without the right to
// administer, GitHub answers 404 as if there were no hook.
func (e endpoint) ask(ctx context.Context, op, method, address string, out any) (*gh.Response, error) {
	resp, err := e.Ask(ctx, op, method, address, out)
	if err, ok := errors.AsType[*github.Error](err); ok {
		switch {
		case err.Kind == github.Unauthorized && e.scope.Kind == AppScope:
			return resp, err.WithHint("check the app's number, that the private key is one of this app's, and this machine's clock")
		case err.Kind == github.Forbidden || err.Kind == github.NotFound:
			return resp, err.WithHint(Hint(e.scope, method == http.MethodPost))
		}
	}
	return resp, err
}

// getting asks for the pages of a list.
func (e endpoint) getting(ctx context.Context) func(op, address string, out any) (*gh.Response, error) {
	return func(op, address string, out any) (*gh.Response, error) {
		return e.ask(ctx, op, http.MethodGet, address, out)
	}
}

// String is the scope with its owner, quoted.
func (s Scope) String() string {
	if s.Kind == AppScope {
		return "the app"
	}
	return s.Kind + " " + text.Quote(s.Owner)
}

func scopeOf(hook audit.Hook) Scope { return Scope{hook.Scope, hook.Owner} }

// Hint says what may be done about a refusal.
func Hint(s Scope, write bool) string {
	level := map[bool]string{false: "read", true: "write"}[write]
	gone := ""
	if write {
		gone = "; a delivery that is older than three days cannot be sent again"
	}
	switch s.Kind {
	case OrganizationScope:
		return "the token needs Webhooks: " + level + " among the organization's permissions (classic: admin:org_hook), " +
			"and its account must own the organization" + gone
	case AppScope:
		return "check that the app has a webhook" + gone
	}
	return "the token needs Webhooks: " + level + " (classic: admin:repo_hook or " + level + ":repo_hook), " +
		"and its account must administer the repository" + gone
}

// Described is a webhook as GitHub describes it. Its configuration may hold the
// secret, which is masked, and not kept.
type Described struct {
	ID        int64      `json:"id"`
	Active    bool       `json:"active"`
	Events    []string   `json:"events"`
	Config    configJSON `json:"config"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

type configJSON struct {
	URL         string          `json:"url"`
	ContentType string          `json:"content_type"`
	InsecureSSL json.RawMessage `json:"insecure_ssl"` // "0", "1", 0 or 1
	Secret      string          `json:"secret"`
}

// Hook is the webhook of a scope.
func (h Described) Hook(s Scope) audit.Hook {
	kind := cmp.Or(h.Config.ContentType, "form") // GitHub's default
	slices.Sort(h.Events)
	return audit.Hook{
		Scope: s.Kind, Owner: s.Owner, ID: h.ID, URL: h.Config.URL, ContentType: kind,
		InsecureTLS: strings.Trim(string(h.Config.InsecureSSL), `"`) == "1", Secret: h.Config.Secret != "",
		Active: h.Active, Events: h.Events, CreatedAt: h.CreatedAt.UTC(), UpdatedAt: h.UpdatedAt.UTC(),
	}
}

// Hooks lists the webhooks of a scope, by their ids. The app has one; its id is
// read out of its latest delivery, and 0 where there is none
// (https://docs.github.com/rest/repos/webhooks, …/orgs/webhooks, …/apps/webhooks).
func (c *Client) Hooks(ctx context.Context, s Scope) ([]audit.Hook, error) {
	op := "list the webhooks of " + s.String()
	at, err := c.endpoint(op, s)
	if err != nil {
		return nil, err
	}
	if s.Kind == AppScope {
		hook, err := c.appHook(ctx, op, at)
		if err != nil {
			return nil, err
		}
		return []audit.Hook{hook}, nil
	}
	var hooks []audit.Hook
	err = github.List(op, at.path+"/hooks", url.Values{"page": {"1"}}, maxPages, at.getting(ctx), func(page []Described) (bool, error) {
		for _, h := range page {
			if h.ID <= 0 {
				return false, github.Odd(op, "a webhook without an id")
			}
			hooks = append(hooks, h.Hook(s))
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(hooks, func(a, b audit.Hook) int { return cmp.Compare(a.ID, b.ID) })
	return hooks, nil
}

// appHook puts together what GitHub tells of an app's webhook in three places.
func (c *Client) appHook(ctx context.Context, op string, at endpoint) (audit.Hook, error) {
	var app struct {
		Slug      string    `json:"slug"`
		Events    []string  `json:"events"`
		CreatedAt time.Time `json:"created_at"`
		UpdatedAt time.Time `json:"updated_at"`
	}
	var config configJSON
	var latest []attemptJSON
	for _, part := range []struct {
		path string
		out  any
	}{{"app", &app}, {"app/hook/config", &config}, {"app/hook/deliveries?per_page=1", &latest}} {
		if _, err := at.ask(ctx, op, http.MethodGet, part.path, part.out); err != nil {
			return audit.Hook{}, err
		}
	}
	hook := Described{Active: true, Events: app.Events, CreatedAt: app.CreatedAt, UpdatedAt: app.UpdatedAt,
		Config: config}.Hook(Scope{AppScope, app.Slug})
	if len(latest) == 0 {
		return hook, nil
	}
	shown, err := c.show(ctx, op, hook, latest[0].ID)
	for name, value := range shown.Request.Headers {
		if text, ok := value.(string); ok && strings.EqualFold(name, "X-GitHub-Hook-ID") {
			hook.ID, _ = strconv.ParseInt(text, 10, 64)
		}
	}
	return hook, err
}

// HookNetworks lists the networks that GitHub sends deliveries from
// (https://docs.github.com/rest/meta/meta). They change now and then.
func (c *Client) HookNetworks(ctx context.Context) ([]netip.Prefix, error) {
	const op = "read the networks that deliveries come from"
	var meta struct {
		Hooks []string `json:"hooks"`
	}
	if _, err := c.Ask(ctx, op, http.MethodGet, "meta", &meta); err != nil {
		return nil, err
	}
	var networks []netip.Prefix
	for _, network := range meta.Hooks {
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, github.Odd(op, "%s is not a network", text.Quote(network))
		}
		networks = append(networks, p.Masked())
	}
	if len(networks) == 0 {
		return nil, github.Odd(op, "the server names none")
	}
	slices.SortFunc(networks, netip.Prefix.Compare)
	return networks, nil
}
