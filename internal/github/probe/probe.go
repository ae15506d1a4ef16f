package probe

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

const (
	// MaxRequests bounds how many requests Token sends.
	MaxRequests = 15
	// maxAnswer bounds what is read of one answer: a hundred repositories are
	// about half a megabyte of JSON.
	maxAnswer = 4 << 20
	// maxRefs is how much of a Git server's list of branches is read: whether
	// there is one is all that matters.
	maxRefs = 1 << 10
)

// Token asks GitHub what a token can do, with at most MaxRequests requests, one
// after the other. None changes anything: all but three are GETs, and those,
// sent only where nothing else tells, lack what GitHub needs to obey. It stops at
// the first answer that shows that to go on would be pointless or harmful, such
// as 401: several bad credentials lock the account out for a while.
//
// What has no answer is told in the observations; an error means that nothing was
// sent. Options.Repository is not looked at.
func Token(ctx context.Context, o github.Options, need token.Need) (token.Observations, error) {
	const op = "check token"
	if len(need.Repositories) == 0 {
		return token.Observations{}, github.Misused(op, "name the repositories that the token is for", "no repository")
	}
	for _, full := range need.Repositories {
		if _, _, ok := github.SplitName(full); !ok {
			return token.Observations{}, github.Misused(op, "name the repository as owner/name", text.Quote(full)+" is not of the form owner/name")
		}
	}
	p, err := newProber(o, o.Token)
	if err != nil {
		return token.Observations{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.WithDefaults().Budget)
	defer cancel()
	p.ctx, p.need, p.seen.Form = ctx, need, token.Inspect(o.Token)
	if token.Sendable(o.Token) {
		p.seen.Fingerprint = token.Fingerprint(o.Token)
		p.run()
	} else {
		p.seen.Form = token.Form{Kind: token.Unknown}
	}
	if p.seen.Time.IsZero() {
		p.seen.Time = time.Now().UTC().Truncate(time.Second)
	}
	return p.seen, nil
}

// newProber makes a prober that asks about a secret, and shows it in no answer.
func newProber(o github.Options, s secret.Secret) (*prober, error) {
	root, err := o.Root()
	if err != nil {
		return nil, err
	}
	o = o.WithDefaults()
	return &prober{
		secret: s, root: root.String(), git: gitRoot(*root), agent: o.UserAgent, wait: o.FirstWait,
		client: &http.Client{Transport: o.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// gitRoot is where repositories are pushed to, beside the API: api.github.com and
// github.com, HOST/api/v3 and HOST, api.NAME.ghe.com and NAME.ghe.com.
func gitRoot(root url.URL) string {
	root.Host = strings.TrimPrefix(root.Host, "api.")
	root.Path = strings.TrimSuffix(root.Path, "api/v3/")
	return root.String()
}

// prober is one run of questions.
type prober struct {
	ctx              context.Context
	need             token.Need
	secret           secret.Secret
	root, git, agent string
	client           *http.Client
	wait             time.Duration
	sent             int
	again            bool // one failure was met with a second try
	stopped          bool
	seen             token.Observations
}

// question is a request and what to make of its answer.
type question struct {
	token.Question
	repository string
	public     bool
	path       string
	anonymous  bool                               // to be sent without the token
	read       func(*http.Response, []byte) error // of a success
}

// ask sends a question, unless there is no point in it, and keeps its answer.
func (p *prober) ask(q question) token.Answer {
	if p.stopped || p.sent >= MaxRequests {
		return token.Answer{Probe: q.Probe, Class: token.Unreached}
	}
	a := p.send(q)
	unsure := a.Class == token.Unreached || a.Class == token.Trouble
	if unsure && q.Method == http.MethodGet && !p.again && p.sent < MaxRequests && p.ctx.Err() == nil {
		p.again = true
		select {
		case <-time.After(p.wait):
			a = p.send(q)
		case <-p.ctx.Done():
		}
	}
	p.seen.Answers = append(p.seen.Answers, a)
	p.stopped = a.Class.Stops() || a.Class == token.Unreached
	return a
}

func (p *prober) send(q question) token.Answer {
	a := token.Answer{Probe: q.Probe, Repository: q.repository, Public: q.public, Class: token.Unreached}
	request, err := p.request(q)
	if err != nil {
		a.Message = github.Printable(err.Error())
		return a
	}
	p.sent++
	resp, err := p.client.Do(request)
	if err != nil {
		a.Message = github.Printable(err.Error())
		return a
	}
	defer resp.Body.Close()
	limit := int64(maxAnswer)
	if q.Git {
		limit = maxRefs
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		a.Message = github.Printable(err.Error())
		return a
	}
	data = p.masked(resp, data)
	a.Status = resp.StatusCode
	if resp.StatusCode >= 300 {
		a.Message = refusal(resp, data)
	}
	a.Class = token.Classify(resp.StatusCode, a.Message, resp.Header.Get)
	a.Accepted = github.Printable(resp.Header.Get("X-Accepted-GitHub-Permissions"))
	a.AcceptedScopes = github.Printable(resp.Header.Get("X-Accepted-OAuth-Scopes"))
	a.Page = token.SSOPage(resp.Header.Get("X-GitHub-SSO"))
	if q.Git {
		// The Git server's 401 is in words of its own, and says nothing of a token that
		// the API knows.
		if a.Class == token.OK && !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/x-git-receive-pack-advertisement") {
			a.Class, a.Message = token.Trouble, "the answer is no Git server's"
		}
		return a
	}
	p.headers(resp)
	if a.Class == token.OK && q.read != nil && resp.StatusCode == http.StatusOK {
		if err := q.read(resp, data); err != nil {
			a.Class, a.Message = token.Trouble, "the answer is not what GitHub's API describes"
		}
	}
	return a
}

// masked takes the token out of an answer: whatever a server quotes of a request,
// nothing that is seen of a token may hold it.
func (p *prober) masked(resp *http.Response, data []byte) []byte {
	text := p.secret.Reveal()
	if text == "" {
		return data
	}
	for _, form := range []string{text, base64.StdEncoding.EncodeToString([]byte("x-access-token:" + text)),
		base64.StdEncoding.EncodeToString([]byte(text))} {
		data = bytes.ReplaceAll(data, []byte(form), []byte(p.secret.String()))
		for _, values := range resp.Header {
			for i := range values {
				values[i] = strings.ReplaceAll(values[i], form, p.secret.String())
			}
		}
	}
	return data
}

func (p *prober) request(q question) (*http.Request, error) {
	address := p.root + q.path
	if q.Git {
		address = p.git + q.path
	}
	request, err := http.NewRequestWithContext(p.ctx, q.Method, address, strings.NewReader(q.Body))
	if err != nil {
		return nil, errors.New("the address cannot be written")
	}
	request.Header.Set("User-Agent", p.agent)
	if q.Git {
		request.SetBasicAuth("x-access-token", p.secret.Reveal()) // as Flux and Git send it
		return request, nil
	}
	if !q.anonymous {
		request.Header.Set("Authorization", "Bearer "+p.secret.Reveal())
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	if q.Body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// refusal is the server's word for a refusal.
func refusal(resp *http.Response, data []byte) string {
	var body struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &body) == nil && body.Message != "" {
		return body.Message[:min(len(body.Message), 500)]
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		return line[:min(len(line), 500)]
	}
	return http.StatusText(resp.StatusCode)
}

// headers keeps what every answer tells of the token. A later answer does not take
// back what an earlier one told.
func (p *prober) headers(resp *http.Response) {
	o := &p.seen
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil && o.Time.IsZero() {
		o.Time = at.UTC() // the clock that the expiry is held against
	}
	if values, ok := resp.Header["X-Oauth-Scopes"]; ok && o.Scopes == nil && resp.StatusCode != http.StatusUnauthorized {
		scopes := github.Printable(strings.Join(values, ","))
		o.Scopes = &scopes
	}
	if expires := resp.Header.Get("github-authentication-token-expiration"); expires != "" && o.Expires == "" {
		o.Expires = github.Printable(expires)
	}
	limit, err1 := strconv.Atoi(resp.Header.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(resp.Header.Get("X-RateLimit-Remaining"))
	if err1 == nil && err2 == nil && resp.StatusCode != http.StatusUnauthorized { // that one is the address's limit
		o.Rate = &token.Rate{Limit: limit, Remaining: remaining, Reset: github.ResetTime(resp)}
	}
}

func get(probe token.Probe, repository, format string, args ...any) question {
	return question{Question: token.Question{Probe: probe, Method: http.MethodGet}, repository: repository, path: fmt.Sprintf(format, args...)}
}
