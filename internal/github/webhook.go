package github

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

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// The scopes of webhooks, as audit.Hook has them.
const (
	RepositoryScope   = "repository"
	OrganizationScope = "organization"
	AppScope          = "app"
)

// maxHookPages bounds a list: a server that never ends is no GitHub.
const maxHookPages = 20_000

// Scope says where webhooks are set up.
type Scope struct {
	// Kind is RepositoryScope, OrganizationScope or AppScope.
	Kind string
	// Owner is owner/name, the organization's login, or nothing for the app.
	Owner string
}

// Webhooks asks GitHub about webhooks and what became of their deliveries. It
// is safe for concurrent use. Options.Budget bounds each request with its
// retries, not a whole list.
type Webhooks struct {
	connection
	app *connection // nil without an app
}

// NewWebhooks makes a client; it sends nothing. Options.Repository is not
// looked at. An app is needed for the app's own webhook alone; its zero value
// is none.
func NewWebhooks(o Options, app App) (*Webhooks, error) { return newWebhooks(o, app, time.Second) }

func newWebhooks(o Options, app App, firstWait time.Duration) (*Webhooks, error) {
	way, err := connect(o, func() (secret.Secret, error) { return o.Token, nil }, firstWait)
	if err != nil {
		return nil, err
	}
	w := &Webhooks{connection: way}
	if app == (App{}) {
		return w, nil
	}
	tokens, err := app.tokens(time.Now)
	if err != nil {
		return nil, err
	}
	if way, err = connect(o, tokens, firstWait); err != nil {
		return nil, err
	}
	w.app = &way
	return w, nil
}

// place is a scope's part of an address, and the way there.
func (w *Webhooks) place(op string, s Scope) (connection, string, error) {
	switch s.Kind {
	case RepositoryScope:
		owner, name, ok := strings.Cut(s.Owner, "/")
		if !ok || !plainName(owner) || !plainName(name) {
			return connection{}, "", misuse(op, "name the repository as owner/name", "not of the form owner/name")
		}
		return w.connection, "repos/" + s.Owner, nil
	case OrganizationScope:
		if !plainName(s.Owner) {
			return connection{}, "", misuse(op, "name the organization by its login", "not a login")
		}
		return w.connection, "orgs/" + s.Owner, nil
	case AppScope:
		if w.app == nil {
			return connection{}, "", misuse(op, "give the app's number and private key", "an app's webhook is the app's own to ask for, and no app is given")
		}
		return *w.app, "app", nil
	}
	return connection{}, "", misuse(op, "use repository, organization or app", "no such scope")
}

// String is the scope with its owner, quoted.
func (s Scope) String() string {
	if s.Kind == AppScope {
		return "the app"
	}
	return s.Kind + " " + text.Quote(s.Owner)
}

// deliveriesOf is a hook's place with the end that its deliveries are under.
func (w *Webhooks) deliveriesOf(op string, hook audit.Hook) (connection, string, error) {
	way, place, err := w.place(op, scopeOf(hook))
	if err != nil {
		return way, "", err
	}
	if hook.Scope == AppScope {
		return way, place + "/hook/deliveries", nil
	}
	return way, fmt.Sprintf("%s/hooks/%d/deliveries", place, hook.ID), nil
}

func scopeOf(hook audit.Hook) Scope { return Scope{hook.Scope, hook.Owner} }

// ask sends one request within the budget, and decodes the answer into out.
func (c connection) ask(ctx context.Context, op, method, address string, out any) (*gh.Response, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	req, err := c.api.NewRequest(method, address, nil)
	if err != nil {
		return nil, classify(ctx, op, err)
	}
	resp, err := c.api.Do(ctx, req, out)
	if err != nil {
		if errors.As(err, new(*gh.AcceptedError)) {
			return resp, nil // go-github's word for the right answer
		}
		return nil, classify(ctx, op, err)
	}
	return resp, nil
}

// askHook is ask with a hint that names what the token lacks: without the right
// to administer, GitHub answers 404 as if there were no hook.
func (c connection) askHook(ctx context.Context, op, method, address string, s Scope, out any) (*gh.Response, error) {
	resp, err := c.ask(ctx, op, method, address, out)
	if e, ok := errors.AsType[*Error](err); ok {
		switch {
		case e.Kind == Unauthorized && s.Kind == AppScope:
			e.hint = "check the app's number, that the private key is one of this app's, and this machine's clock"
		case e.Kind == Forbidden || e.Kind == NotFound:
			e.hint = hookHint(s, method == http.MethodPost)
		}
	}
	return resp, err
}

// hookHint says what may be done about a refusal.
func hookHint(s Scope, write bool) string {
	level := map[bool]string{false: "read", true: "write"}[write]
	gone := ""
	if write {
		gone = "; a delivery that is older than three days cannot be sent again"
	}
	switch s.Kind {
	case OrganizationScope:
		return "the token needs Webhooks: " + level + " among the organization's permissions (classic: admin:org_hook), and its account must own the organization" + gone
	case AppScope:
		return "check that the app has a webhook" + gone
	}
	return "the token needs Webhooks: " + level + " (classic: admin:repo_hook or " + level + ":repo_hook), and its account must administer the repository" + gone
}

// hookJSON is a webhook as GitHub describes it. Its configuration may hold the
// secret, which is masked, and not kept.
type hookJSON struct {
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

func (h hookJSON) hook(s Scope) audit.Hook {
	kind := h.Config.ContentType
	if kind == "" {
		kind = "form" // GitHub's default
	}
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
func (w *Webhooks) Hooks(ctx context.Context, s Scope) ([]audit.Hook, error) {
	op := "list the webhooks of " + s.String()
	way, place, err := w.place(op, s)
	if err != nil {
		return nil, err
	}
	if s.Kind == AppScope {
		hook, err := w.appHook(ctx, op)
		if err != nil {
			return nil, err
		}
		return []audit.Hook{hook}, nil
	}
	var hooks []audit.Hook
	for page := 1; page != 0; {
		var list []hookJSON
		resp, err := way.askHook(ctx, op, http.MethodGet, fmt.Sprintf("%s/hooks?per_page=%d&page=%d", place, pageSize, page), s, &list)
		if err != nil {
			return nil, err
		}
		for _, h := range list {
			if h.ID <= 0 {
				return nil, odd(op, "a webhook without an id")
			}
			hooks = append(hooks, h.hook(s))
		}
		if resp.NextPage != 0 && resp.NextPage <= page {
			return nil, odd(op, "the list turns in circles")
		}
		page = resp.NextPage
	}
	slices.SortFunc(hooks, func(a, b audit.Hook) int { return cmp.Compare(a.ID, b.ID) })
	return hooks, nil
}

// appHook puts together what GitHub tells of an app's webhook in three places.
func (w *Webhooks) appHook(ctx context.Context, op string) (audit.Hook, error) {
	var app struct {
		Slug      string    `json:"slug"`
		Events    []string  `json:"events"`
		CreatedAt time.Time `json:"created_at"`
		UpdatedAt time.Time `json:"updated_at"`
	}
	s := Scope{Kind: AppScope}
	if _, err := w.app.askHook(ctx, op, http.MethodGet, "app", s, &app); err != nil {
		return audit.Hook{}, err
	}
	one := hookJSON{Active: true, Events: app.Events, CreatedAt: app.CreatedAt, UpdatedAt: app.UpdatedAt}
	if _, err := w.app.askHook(ctx, op, http.MethodGet, "app/hook/config", s, &one.Config); err != nil {
		return audit.Hook{}, err
	}
	hook := one.hook(Scope{AppScope, app.Slug})
	var latest []attemptJSON
	if _, err := w.app.askHook(ctx, op, http.MethodGet, "app/hook/deliveries?per_page=1", s, &latest); err != nil {
		return audit.Hook{}, err
	}
	if len(latest) == 0 {
		return hook, nil
	}
	sent, err := w.request(ctx, op, hook, latest[0].ID)
	for name, value := range sent.Headers {
		if text, ok := value.(string); ok && strings.EqualFold(name, "X-GitHub-Hook-ID") {
			hook.ID, _ = strconv.ParseInt(text, 10, 64)
		}
	}
	return hook, err
}

// networksJSON is the part of GitHub's description of itself that is read.
type networksJSON struct {
	Hooks []string `json:"hooks"`
}

// HookNetworks lists the networks that GitHub sends deliveries from
// (https://docs.github.com/rest/meta/meta). They change now and then.
func (w *Webhooks) HookNetworks(ctx context.Context) ([]netip.Prefix, error) {
	const op = "read the networks that deliveries come from"
	var meta networksJSON
	if _, err := w.ask(ctx, op, http.MethodGet, "meta", &meta); err != nil {
		return nil, err
	}
	var networks []netip.Prefix
	for _, network := range meta.Hooks {
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, odd(op, "%s is not a network", text.Quote(network))
		}
		networks = append(networks, p.Masked())
	}
	if len(networks) == 0 {
		return nil, odd(op, "the server names none")
	}
	slices.SortFunc(networks, netip.Prefix.Compare)
	return networks, nil
}

// addressOf puts a query behind a path.
func addressOf(path string, query url.Values) string { return path + "?" + query.Encode() }
