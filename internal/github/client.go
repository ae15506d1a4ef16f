package github

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	publicAPI     = "https://api.github.com"
	defaultAgent  = "fluxkeeper"
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
	// FirstWait is how long the first retry waits where the server does not say;
	// 0 means a second.
	FirstWait time.Duration
	// UserAgent names the program; empty means fluxkeeper.
	UserAgent string
	// Transport carries the requests; nil means a common one with the proxy
	// settings of the environment.
	Transport http.RoundTripper
	// Retrying is told before each wait for another try, and may be called from
	// several goroutines at once; nil tells nobody.
	Retrying func(Retry)
	// Sending is told of each request that is sent, and may be called from several
	// goroutines at once; nil tells nobody.
	Sending func()
}

// Retry is a request that is about to be sent again.
type Retry struct {
	// Cause says in words what became of the last try.
	Cause string
	Wait  time.Duration
	// Try is the number of the next try, from 2 on, of Most.
	Try, Most int
}

// String tells a person why it is sent again, after how long, and which try that is.
func (r Retry) String() string {
	return fmt.Sprintf("%s; trying again in %s (%d of %d)", r.Cause, r.Wait.Round(time.Second), r.Try, r.Most)
}

// Connection is how requests reach a server, with a token for each.
type Connection struct {
	// API sends go-github's requests over the connection.
	API        *gh.Client
	graphqlURL string
	plain      http.RoundTripper // adds no token
	budget     time.Duration
	// FirstWait is how long the first retry waits where the server does not say.
	FirstWait time.Duration
}

// Client talks to GitHub about one repository. It is safe for concurrent use.
type Client struct {
	Connection
	Owner, Name string
}

// New makes a client. It sends nothing.
func New(o Options) (*Client, error) {
	owner, name, ok := SplitName(o.Repository)
	if !ok {
		return nil, Misused("open repository "+text.Quote(o.Repository), "name it as owner/name", "not of the form owner/name")
	}
	connection, err := Connect(o)
	if err != nil {
		return nil, err
	}
	return &Client{connection, owner, name}, nil
}

// Place is the part of an address that names the repository.
func (c *Client) Place() string { return "repos/" + c.Owner + "/" + c.Name }

// Connect makes a connection that sends the token of the options, whatever their
// repository. It sends nothing.
func Connect(o Options) (Connection, error) {
	return connect(o, func() (secret.Secret, error) { return o.Token, nil })
}

// connect makes a connection that takes a token for each request.
func connect(o Options, token func() (secret.Secret, error)) (Connection, error) {
	root, err := o.Root()
	if err != nil {
		return Connection{}, err
	}
	graph, err := graphqlURL(root, o.GraphQLURL)
	if err != nil {
		return Connection{}, err
	}
	o = o.WithDefaults()
	api := gh.NewClient(newHTTPClient(o, token, []*url.URL{root, graph}))
	api.BaseURL, api.UserAgent = root, o.UserAgent
	return Connection{api, graph.String(), o.Transport, o.Budget, o.FirstWait}, nil
}

// WithDefaults are the options with what they leave out, the addresses aside.
func (o Options) WithDefaults() Options {
	o.Budget = cmp.Or(o.Budget, defaultBudget)
	o.FirstWait = cmp.Or(o.FirstWait, time.Second)
	o.UserAgent = cmp.Or(o.UserAgent, defaultAgent)
	o.Transport = cmp.Or(o.Transport, http.DefaultTransport)
	return o
}

// SplitName reads owner/name, as GitHub lets people call themselves and repositories.
func SplitName(full string) (owner, name string, ok bool) {
	owner, name, ok = strings.Cut(full, "/")
	return owner, name, ok && IsName(owner) && IsName(name)
}

// IsName tells whether GitHub lets people call themselves or a repository so.
func IsName(s string) bool {
	return s != "" && s != "." && s != ".." && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// Root is the address of the REST API; its path ends in a slash, as go-github
// wants it.
func (o Options) Root() (*url.URL, error) {
	u, err := parseAddress(cmp.Or(o.APIURL, publicAPI))
	if err == nil && !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, err
}

func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	// The cause is left out: it could quote a password in the address.
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, Misused("read the API's address", "give it as https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise Server",
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

// IsID tells whether s is a full object id in lower case.
func IsID(s string) bool { return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "" }
