package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

const (
	publicAPI     = "https://api.github.com"
	defaultBudget = 2 * time.Minute
)

// Options say which repository to talk to, and how.
type Options struct {
	// Token authorizes every request; empty means none.
	Token secret.Secret
	// APIURL is the REST API's root, such as https://ghe.example.com/api/v3;
	// empty means github.com's. Plain http is used only where it says so.
	APIURL string
	// GraphQLURL is derived from APIURL where it is empty.
	GraphQLURL string
	// Repository is owner/name.
	Repository string
	// Budget is the time that one method call may take with all its retries; 0
	// means two minutes.
	Budget time.Duration
	// UserAgent names the program; empty means fluxkeeper.
	UserAgent string
	// Transport carries the requests; nil means a common one with the proxy
	// settings of the environment.
	Transport http.RoundTripper
	// Retrying is told before each wait for another try, and may be called from
	// several goroutines at once; nil tells nobody.
	Retrying func(Retry)
}

// Retry is a request that is about to be sent again.
type Retry struct {
	// Cause says in words what became of the last try.
	Cause string
	Wait  time.Duration
	// Try is the number of the next try, from 2 on, of Most.
	Try, Most int
}

func (r Retry) String() string {
	return fmt.Sprintf("%s; trying again in %s (%d of %d)", r.Cause, r.Wait.Round(time.Second), r.Try, r.Most)
}

// connection is the way to a server: what every client of this package has.
type connection struct {
	api        *gh.Client
	graphqlURL string
	budget     time.Duration
	// firstWait is how long the first retry waits where the server does not say.
	firstWait time.Duration
}

// Client talks to GitHub about one repository. It is safe for concurrent use.
type Client struct {
	connection
	owner, name string
	store       *store
}

// New makes a client. It sends nothing.
func New(o Options) (*Client, error) { return newClient(o, time.Second) }

func newClient(o Options, firstWait time.Duration) (*Client, error) {
	owner, name, ok := strings.Cut(o.Repository, "/")
	if !ok || !plainName(owner) || !plainName(name) {
		return nil, misuse("open repository "+text.Quote(o.Repository), "name it as owner/name", "not of the form owner/name")
	}
	way, err := connect(o, func() (secret.Secret, error) { return o.Token, nil }, firstWait)
	if err != nil {
		return nil, err
	}
	return &Client{way, owner, name, newStore()}, nil
}

// connect makes a way to the server that takes a token for each request.
func connect(o Options, token func() (secret.Secret, error), firstWait time.Duration) (connection, error) {
	root, err := parseRoot(o.APIURL)
	if err != nil {
		return connection{}, err
	}
	graph, err := graphqlURL(root, o.GraphQLURL)
	if err != nil {
		return connection{}, err
	}
	if o.Budget == 0 {
		o.Budget = defaultBudget
	}
	api := gh.NewClient(newHTTPClient(o, token, []*url.URL{root, graph}, firstWait))
	api.BaseURL = root
	api.UserAgent = o.UserAgent
	if api.UserAgent == "" {
		api.UserAgent = "fluxkeeper"
	}
	return connection{api, graph.String(), o.Budget, firstWait}, nil
}

// plainName accepts what GitHub lets people call themselves and repositories.
func plainName(s string) bool {
	return s != "" && s != "." && s != ".." && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// parseRoot reads the address of the REST API; its path ends in a slash, as
// go-github wants it.
func parseRoot(address string) (*url.URL, error) {
	if address == "" {
		address = publicAPI
	}
	u, err := parseAddress(address)
	if err == nil && !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, err
}

func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	// The cause is left out: it could quote a password in the address.
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, misuse("read the API's address", "give it as https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise Server",
			"not an https address without user, query and fragment")
	}
	return u, nil
}

// graphqlURL is beside the REST API's root: /graphql on github.com, and
// /api/graphql beside /api/v3 on GitHub Enterprise Server.
func graphqlURL(root *url.URL, address string) (*url.URL, error) {
	if address != "" {
		return parseAddress(address)
	}
	u := *root
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/v3") + "/graphql"
	return &u, nil
}

// limited bounds a whole method call by the budget.
func (c connection) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.budget, fmt.Errorf("out of time: the budget of %s is spent", c.budget))
}

// Head gives the id of the pull request's head commit as it is now.
func (c *Client) Head(ctx context.Context, number int) (string, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	op := fmt.Sprintf("read pull request %d", number)
	pull, _, err := c.api.PullRequests.Get(ctx, c.owner, c.name, number)
	if err != nil {
		return "", classify(ctx, op, err)
	}
	sha := pull.GetHead().GetSHA()
	if !isID(sha) || pull.GetNumber() != number {
		return "", odd(op, "the answer has no head commit, or is another pull request's")
	}
	return sha, nil
}

// query is a GraphQL request.
type query struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// graphqlError is one of the errors that GraphQL reports with status 200.
type graphqlError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Path    []any  `json:"path"`
}

// graphql sends a query that changes nothing, so that it may be sent again,
// and decodes what is under data into out. A used up limit comes with status
// 200 here; it is waited for once, where the time that is left allows it.
func (c *Client) graphql(ctx context.Context, op string, q query, out any) error {
	err := c.sendGraphQL(readOnly(ctx), op, q, out)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != PrimaryLimit || e.Status != http.StatusOK || e.reset.IsZero() {
		return err
	}
	wait := time.Until(e.reset) + time.Second
	if !fits(ctx, wait) || c.pause(ctx, wait) != nil {
		return err
	}
	return c.sendGraphQL(readOnly(ctx), op, q, out)
}

// mutate sends a mutation, once.
func (c *Client) mutate(ctx context.Context, op string, q query, out any) error {
	return c.sendGraphQL(ctx, op, q, out)
}

func (c *Client) sendGraphQL(ctx context.Context, op string, q query, out any) error {
	req, err := c.api.NewRequest(http.MethodPost, c.graphqlURL, q)
	if err != nil {
		return classify(ctx, op, err)
	}
	answer := struct {
		Data   any            `json:"data"`
		Errors []graphqlError `json:"errors"`
	}{Data: out}
	resp, err := c.api.Do(ctx, req, &answer)
	if err != nil {
		return classify(ctx, op, err)
	}
	if len(answer.Errors) > 0 {
		return graphqlFailure(op, resp.Response, answer.Errors[0])
	}
	return nil
}

// isID tells whether s is a full object id in lower case.
func isID(s string) bool { return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "" }
