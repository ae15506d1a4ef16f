package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

const (
	// maxBody bounds one answer. A recursive tree of 100,000 entries, the most
	// that GitHub lists, is about 30 MB of JSON.
	maxBody    = 64 << 20
	maxRetries = 6
	maxWait    = 30 * time.Second
	// afterLimit is how long to wait where a limit names no time, as GitHub asks.
	afterLimit = time.Minute
	// maxRedirects is enough for a repository that was renamed more than once.
	maxRedirects = 5
)

// newHTTPClient stacks, from the outside in: redirects, the token, retries of
// what may be sent twice, and a bound on answers.
func newHTTPClient(o Options, token func() (secret.Secret, error), hosts []*url.URL) *http.Client {
	bounded := boundedTransport{o.Transport, o.Sending}
	again := retryablehttp.NewClient()
	again.Logger = nil
	again.HTTPClient = &http.Client{Transport: bounded,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	again.RetryMax = maxRetries
	again.RetryWaitMin, again.RetryWaitMax = o.FirstWait, maxWait
	again.CheckRetry = shouldRetry
	again.Backoff = func(first, most time.Duration, attempt int, resp *http.Response) time.Duration {
		wait := backoff(first, most, attempt, resp)
		if o.Retrying != nil {
			o.Retrying(Retry{Cause: retryCause(resp), Wait: wait, Try: attempt + 2, Most: maxRetries + 1})
		}
		return wait
	}
	again.ErrorHandler = lastAnswer
	return &http.Client{
		Transport: authTransport{token, hosts, routeTransport{
			twice: &retryablehttp.RoundTripper{Client: again}, once: bounded,
		}},
		CheckRedirect: checkRedirect,
	}
}

// lastAnswer gives what the last try gave, which says why it went wrong.
func lastAnswer(resp *http.Response, err error, _ int) (*http.Response, error) {
	if err != nil && resp != nil {
		_ = resp.Body.Close()
		resp = nil
	}
	return resp, err
}

var errRedirect = errors.New("the server sends the request elsewhere")

// checkRedirect follows a reading request to another path of the same server.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxRedirects || req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme ||
		first.Method != http.MethodGet && first.Method != http.MethodHead {
		return errRedirect
	}
	return nil
}

// authTransport adds the token to requests to the servers that it is for.
type authTransport struct {
	token func() (secret.Secret, error)
	hosts []*url.URL
	next  http.RoundTripper
}

// RoundTrip sends one request.
func (t authTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, u := range t.hosts {
		if req.URL.Host != u.Host || req.URL.Scheme != u.Scheme {
			continue
		}
		token, err := t.token()
		if err != nil {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			return nil, err
		}
		if !token.Empty() {
			req = req.Clone(req.Context())
			req.Header.Set("Authorization", "Bearer "+token.Reveal())
		}
		break
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.StatusCode < 300 && resp.Header.Get("X-RateLimit-Remaining") == "0" {
		// With nothing remaining go-github would refuse the next request by
		// itself; whether to wait for the reset is decided here alone.
		resp.Header.Set("X-RateLimit-Remaining", "1")
	}
	return resp, err
}

type readOnlyKey struct{}

// readOnly marks requests that change nothing although they are no GET.
func readOnly(ctx context.Context) context.Context {
	return context.WithValue(ctx, readOnlyKey{}, true)
}

// routeTransport retries only what can be sent twice.
type routeTransport struct{ twice, once http.RoundTripper }

// RoundTrip sends one request, again and again where it changes nothing.
func (t routeTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet || req.Method == http.MethodHead || req.Context().Value(readOnlyKey{}) != nil {
		return t.twice.RoundTrip(req)
	}
	return t.once.RoundTrip(req)
}

// shouldRetry retries limits, servers in trouble and broken connections, as
// long as the time that is left allows for the wait that the server asks for.
func shouldRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		// The library knows the errors that stay: certificates, schemes, redirects.
		return retryablehttp.DefaultRetryPolicy(ctx, nil, err)
	}
	limited := isLimit(resp, "")
	if !limited && (resp.StatusCode < 500 || resp.StatusCode == http.StatusNotImplemented) {
		return false, nil
	}
	wait, told := toldWait(resp, time.Now())
	if limited && !told {
		wait = afterLimit
	}
	return fits(ctx, wait), nil
}

// fits tells whether there is time to wait. Who sets no limit does not want to
// wait for long.
func fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return wait <= maxWait
	}
	return time.Now().Add(wait).Before(deadline)
}

// backoff waits as long as the server asks, else twice as long each time.
func backoff(first, most time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		wait, told := toldWait(resp, time.Now())
		if told {
			return wait
		}
		if isLimit(resp, "") {
			return afterLimit
		}
	}
	return min(first<<min(attempt, 10), most)
}

// retryCause says what became of a try that is worth another.
func retryCause(resp *http.Response) string {
	switch {
	case resp == nil:
		return "GitHub was not reached"
	case isLimit(resp, ""):
		return fmt.Sprintf("GitHub answered %d: a limit is used up", resp.StatusCode)
	}
	return fmt.Sprintf("GitHub answered %d", resp.StatusCode)
}

// toldWait is the time that an answer asks to wait. Retry-After wins; the
// reset counts only where nothing remains.
func toldWait(resp *http.Response, now time.Time) (time.Duration, bool) {
	const longest = 1 << 20 // seconds; more is nonsense, and would overflow
	if after := resp.Header.Get("Retry-After"); after != "" {
		if seconds, err := strconv.ParseInt(after, 10, 64); err == nil && seconds >= 0 {
			return time.Duration(min(seconds, longest)) * time.Second, true
		}
		if at, err := http.ParseTime(after); err == nil {
			return max(at.Sub(now), 0), true
		}
	}
	if resp.Header.Get("X-RateLimit-Remaining") == "0" {
		if at := ResetTime(resp); !at.IsZero() {
			// A second more, for clocks that differ a little.
			return min(max(at.Sub(now), 0), longest*time.Second) + time.Second, true
		}
	}
	return 0, false
}

// boundedTransport bounds the size of answers, and tells of requests.
type boundedTransport struct {
	next    http.RoundTripper
	sending func()
}

// RoundTrip sends one request.
func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.sending != nil {
		t.sending()
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxBody)
	}
	return resp, err
}
