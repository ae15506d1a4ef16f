package esc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

const (
	defaultURL = "https://api.pulumi.com"
	// accept names the version of Pulumi's API that is spoken here.
	accept = "application/vnd.pulumi+8"
	// lifetime is how long an opened environment may be read. One property is.
	lifetime = time.Minute
	// patience bounds one request.
	patience = 30 * time.Second
	// maxAnswer bounds what is read of one answer, in bytes.
	maxAnswer = 4 << 20
)

// Options say whom to ask, and as whom.
type Options struct {
	// URL is the backend's; api.pulumi.com's where it is empty. Over HTTP only a
	// loopback address is taken.
	URL string
	// Token is a Pulumi access token.
	Token     secret.Secret
	UserAgent string
}

// Client speaks to one backend.
type Client struct {
	root, agent string
	token       secret.Secret
	http        *http.Client
}

// Error is what went wrong, with what to do about it. It never holds a value.
type Error struct {
	Op, Text, hint string
}

// Error has no operation in front where a caller is yet to name it.
func (e *Error) Error() string {
	if e.Op == "" {
		return e.Text
	}
	return e.Op + ": " + e.Text
}

// Hint says what to do about it; empty where there is nothing to add.
func (e *Error) Hint() string { return e.hint }

func fail(hint, text string) error { return &Error{Text: text, hint: hint} }

// errConflict says that somebody else saved a revision in between.
var errConflict = errors.New("the environment was changed at the same time")

// New prepares a client; nothing is sent.
func New(o Options) (*Client, error) {
	u, err := url.Parse(cmp.Or(o.URL, defaultURL))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, &Error{Op: "use Pulumi's backend", Text: "the address is not a plain URL", hint: "give one such as " + defaultURL}
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, &Error{Op: "use Pulumi's backend", Text: "a token is sent over https only", hint: "give an address such as " + defaultURL}
	}
	if o.Token.Empty() {
		return nil, &Error{Op: "use Pulumi's backend", Text: "there is no access token",
			hint: "set PULUMI_ACCESS_TOKEN; make one at https://app.pulumi.com/account/tokens"}
	}
	return &Client{
		root: strings.TrimSuffix(u.String(), "/") + "/api/esc/environments/", agent: o.UserAgent, token: o.Token,
		// A redirect would take the token to an address that nobody named.
		http: &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Definition reads how the environment is written; no secret in it is decrypted.
func (c *Client) Definition(ctx context.Context, e Environment) (Definition, error) {
	a, err := c.send(ctx, "read environment "+e.String(), request{method: http.MethodGet, path: c.path(e)})
	if err != nil {
		return Definition{}, err
	}
	root, err := parseDefinition(a.body)
	if err != nil {
		return Definition{}, &Error{Op: "read environment " + e.String(), Text: err.Error()}
	}
	return Definition{root: root, tag: a.header.Get("ETag"), revision: a.revision()}, nil
}

// Value is one value of an opened environment.
type Value struct {
	Text secret.Secret
	// Secret says that Pulumi treats it as one.
	Secret bool
}

// Value opens a revision of the environment, or with 0 the newest, for a minute and
// reads one value. That runs every provider of the environment, and shows in
// Pulumi's audit log.
func (c *Client) Value(ctx context.Context, e Environment, revision int64, p Path) (Value, error) {
	op := fmt.Sprintf("read %s of environment %s", p, e)
	at := c.path(e)
	if revision > 0 {
		at += "/versions/" + strconv.FormatInt(revision, 10)
	}
	opened, err := c.send(ctx, op, request{method: http.MethodPost, path: at + "/open", query: url.Values{"duration": {lifetime.String()}}})
	if err != nil {
		return Value{}, err
	}
	var session struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(opened.body, &session) != nil || session.ID == "" {
		return Value{}, &Error{Op: op, Text: "the answer names no session"}
	}
	a, err := c.send(ctx, op, request{method: http.MethodGet, path: c.path(e) + "/open/" + url.PathEscape(session.ID),
		query: url.Values{"property": {p.String()}}})
	if err != nil {
		return Value{}, err
	}
	var one struct {
		Value   any  `json:"value"`
		Secret  bool `json:"secret"`
		Unknown bool `json:"unknown"`
	}
	if json.Unmarshal(a.body, &one) != nil {
		return Value{}, &Error{Op: op, Text: "the answer is not what Pulumi's API describes"}
	}
	text, ok := one.Value.(string)
	if !ok || one.Unknown {
		return Value{}, &Error{Op: op, Text: "it is not a text", hint: "name the path of the token itself, such as github.token"}
	}
	return Value{secret.New(text), one.Secret}, nil
}

// Set puts a value as a secret into the environment that d was read of, and gives the
// new revision. Where somebody saved another one since, it changes nothing.
func (c *Client) Set(ctx context.Context, e Environment, d Definition, p Path, value secret.Secret) (int64, error) {
	op := fmt.Sprintf("set %s of environment %s", p, e)
	if value.Empty() {
		return 0, &Error{Op: op, Text: "the value is empty"}
	}
	if d.tag == "" {
		return 0, &Error{Op: op, Text: "the backend does not say which revision it gave, so that another's change could be lost"}
	}
	text, err := d.with(p, value)
	if known, ok := errors.AsType[*Error](err); ok {
		known.Op = op
	}
	if err != nil {
		return 0, err
	}
	a, err := c.send(ctx, op, request{method: http.MethodPatch, path: c.path(e), body: text, tag: d.tag, value: value})
	if errors.Is(err, errConflict) {
		return 0, &Error{Op: op, Text: errConflict.Error(), hint: "look at what it holds now, and try again"}
	}
	if err != nil {
		return 0, err
	}
	return a.revision(), nil
}

// path is the environment's below the root.
func (c *Client) path(e Environment) string {
	return url.PathEscape(e.Organization) + "/" + url.PathEscape(e.Project) + "/" + url.PathEscape(e.Name)
}

type request struct {
	method, path string
	query        url.Values
	body         []byte
	tag          string
	value        secret.Secret // that no error may hold
}

type answer struct {
	header http.Header
	body   []byte
}

func (a answer) revision() int64 {
	n, _ := strconv.ParseInt(a.header.Get("Pulumi-ESC-Revision"), 10, 64) // 0: not told
	return n
}

func (c *Client) send(ctx context.Context, op string, r request) (answer, error) {
	address := c.root + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, strings.NewReader(string(r.body)))
	if err != nil {
		return answer{}, &Error{Op: op, Text: "the address cannot be written"}
	}
	req.Header.Set("Authorization", "token "+c.token.Reveal())
	req.Header.Set("Accept", accept)
	req.Header.Set("Content-Type", "application/json") // of YAML, too: so does Pulumi's own client
	req.Header.Set("User-Agent", c.agent)
	if r.tag != "" {
		req.Header.Set("ETag", r.tag) // Pulumi's own form of If-Match
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, unreached(op, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer{}, unreached(op, err)
	case len(body) > maxAnswer:
		return answer{}, &Error{Op: op, Text: "the answer is too long"}
	case resp.StatusCode == http.StatusConflict, resp.StatusCode == http.StatusPreconditionFailed:
		return answer{}, errConflict
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return answer{}, c.refusal(op, resp.StatusCode, body, r.value)
	}
	return answer{resp.Header, body}, nil
}

// unreached leaves out the URL that net/http puts before the cause.
func unreached(op string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("%s: %w", op, err)
}

// refusal says what the backend said, without the value that it may quote.
func (c *Client) refusal(op string, status int, body []byte, value secret.Secret) error {
	e := &Error{Op: op, Text: fmt.Sprintf("Pulumi answered %d", status), hint: map[int]string{
		http.StatusUnauthorized:    "the Pulumi access token is wrong or expired: make one at https://app.pulumi.com/account/tokens",
		http.StatusForbidden:       "give the token's owner the right to do this in the environment",
		http.StatusNotFound:        "check the name, organization/project/environment, and that the token's owner may read it",
		http.StatusTooManyRequests: "try again later",
	}[status]}
	var said struct {
		Message     string `json:"message"`
		Diagnostics []struct {
			Summary string `json:"summary"`
		} `json:"diagnostics"`
	}
	if json.Unmarshal(body, &said) == nil {
		parts := []string{said.Message}
		for _, d := range said.Diagnostics {
			parts = append(parts, d.Summary)
		}
		for _, s := range []secret.Secret{value, c.token} {
			if !s.Empty() {
				for i := range parts {
					parts[i] = strings.ReplaceAll(parts[i], s.Reveal(), s.String())
				}
			}
		}
		for _, text := range parts {
			if text != "" {
				e.Text += fmt.Sprintf(": %q", text[:min(len(text), 300)])
			}
		}
	}
	return e
}
