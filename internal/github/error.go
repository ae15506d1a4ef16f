package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Kind sorts the errors of this package by what a person can do about them.
type Kind string

// The kinds of errors.
const (
	Misuse         Kind = "misuse"          // the options or arguments make no sense; nothing was sent
	Unauthorized   Kind = "unauthorized"    // the token is wrong, expired or revoked
	Forbidden      Kind = "forbidden"       // the token lacks a permission
	SSO            Kind = "sso"             // the token is not authorized for the organization
	NotFound       Kind = "not-found"       // it is not there, or the token may not see it
	Refused        Kind = "refused"         // GitHub refuses the request itself (409, 422 and the like)
	PrimaryLimit   Kind = "primary-limit"   // the hourly limit is used up
	SecondaryLimit Kind = "secondary-limit" // too much at once
	Server         Kind = "server"          // GitHub is in trouble
	Network        Kind = "network"         // GitHub was not reached, or not in time
	Truncated      Kind = "truncated"       // the answer is larger than can be read
	Inconsistent   Kind = "inconsistent"    // the answer contradicts itself, another one, or the API's description
)

// Error is any error of this package. Its text is one line of printable text;
// what the server wrote is quoted in it.
type Error struct {
	Op   string // what was tried, with its object: "read pull request 7"
	Kind Kind
	// Status is HTTP's; 0 where there was no answer.
	Status int
	text   string
	hint   string
	cause  error
	reset  time.Time // when a primary limit ends; zero where unknown
}

// Error leaves out the hint, and the cause, whose words may be the server's.
func (e *Error) Error() string { return e.Op + ": " + e.text }

// Unwrap gives the cause, go-github's error where it made one. Its text may
// hold the server's words unescaped.
func (e *Error) Unwrap() error { return e.cause }

// Hint says what to do about it; empty where there is nothing to say.
func (e *Error) Hint() string { return e.hint }

// Text is the error without what was tried.
func (e *Error) Text() string { return e.text }

// WithHint changes the hint.
func (e *Error) WithHint(hint string) *Error {
	e.hint = hint
	return e
}

// WithCause adds a cause for errors.Is.
func (e *Error) WithCause(cause error) *Error {
	e.cause = errors.Join(cause, e.cause)
	return e
}

// Errorf makes an error of a kind, with the hint of its kind.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Op: op, Kind: kind, text: fmt.Sprintf(format, args...), hint: hints[kind]}
}

// Misused says that the options or arguments make no sense.
func Misused(op, hint, text string) *Error { return Errorf(Misuse, op, "%s", text).WithHint(hint) }

// Odd is about an answer that nobody should give.
func Odd(op, format string, args ...any) *Error { return Errorf(Inconsistent, op, format, args...) }

// KindOf is the kind of an error of this package; empty for others and nil.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

const retryLater = "run the job again in a few minutes; www.githubstatus.com tells of troubles"

// hints are what to do about an error of a kind where the answer itself does
// not say more.
var hints = map[Kind]string{
	Unauthorized: "give a token that is valid for this server: it is wrong, expired or revoked",
	Forbidden:    "give the token the missing permission (permissions: in the workflow, or the token's settings)",
	SSO:          "authorize the token for the organization's single sign-on, on the page of the token's settings",
	NotFound:     "check the name of the repository and the number; where both are right, the token may not see it",
	Server:       retryLater,
	Network:      "check the API's address and the runner's network; " + retryLater,
	Truncated:    "what the change touches is too large to be read; split it",
	Inconsistent: "run the job again; where that does not help, the server is no GitHub or something changes its answers",
}

// Wrap is Classify for an error that may be nil.
func Wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	return Classify(ctx, op, err)
}

// Classify makes an Error of whatever go-github or the network gave.
func Classify(ctx context.Context, op string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Op: op, cause: err}
	if resp, message := answered(err); resp != nil {
		e.Status = resp.StatusCode
		e.Kind = kindOf(resp, message)
		e.text = fmt.Sprintf("GitHub answered %d: %s", resp.StatusCode, text.Quote(message))
		e.hint = hintFor(e.Kind, resp)
		return e
	}
	_, unreached := errors.AsType[*url.Error](err)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		e.Kind, e.text = Truncated, "the answer is larger than can be read"
	case ctx.Err() != nil:
		e.Kind, e.text, e.cause = Network, context.Cause(ctx).Error(), context.Cause(ctx)
	case errors.Is(err, errRedirect):
		e.Kind, e.text = Inconsistent, errRedirect.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Kind, e.text = Network, "the answer was cut short"
	case unreached || errors.As(err, new(net.Error)):
		e.Kind, e.text = Network, Printable(err.Error())
	default: // what is left goes wrong while an answer is decoded
		e.Kind, e.text = Inconsistent, "the answer is not what GitHub's API describes: "+text.Quote(err.Error())
	}
	e.hint = hints[e.Kind]
	return e
}

// answered finds the server's answer in go-github's errors.
func answered(err error) (*http.Response, string) {
	if e, ok := errors.AsType[*gh.RateLimitError](err); ok {
		return e.Response, e.Message
	}
	if e, ok := errors.AsType[*gh.AbuseRateLimitError](err); ok {
		return e.Response, e.Message
	}
	if e, ok := errors.AsType[*gh.TwoFactorAuthError](err); ok {
		return e.Response, e.Message
	}
	if e, ok := errors.AsType[*gh.ErrorResponse](err); ok {
		message := e.Message
		for _, detail := range e.Errors {
			message = strings.TrimPrefix(message+"; "+cmp.Or(detail.Message, strings.TrimSpace(detail.Field+" "+detail.Code)), "; ")
		}
		return e.Response, message
	}
	return nil, ""
}

// kindOf reads an answer that is no success. GitHub tells its limits apart by
// headers, with status 403 or 429 alike.
func kindOf(resp *http.Response, message string) Kind {
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		return Unauthorized
	case (code == http.StatusForbidden || code == http.StatusNotFound) && strings.HasPrefix(resp.Header.Get("X-GitHub-SSO"), "required"):
		return SSO
	case isLimit(resp, message) && resp.Header.Get("X-RateLimit-Remaining") == "0":
		return PrimaryLimit
	case isLimit(resp, message):
		return SecondaryLimit
	case code == http.StatusForbidden:
		return Forbidden
	case code == http.StatusNotFound, code == http.StatusGone:
		return NotFound
	case code >= 500:
		return Server
	case code >= 300 && code < 400, code < 300:
		return Inconsistent
	}
	return Refused
}

// isLimit tells whether an answer refuses because of too many requests.
func isLimit(resp *http.Response, message string) bool {
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
		return resp.Header.Get("X-RateLimit-Remaining") == "0" || resp.Header.Get("Retry-After") != "" ||
			strings.Contains(strings.ToLower(message), "secondary rate limit")
	}
	return false
}

func hintFor(kind Kind, resp *http.Response) string {
	header := func(name string) string { return Printable(resp.Header.Get(name)) }
	switch kind {
	case Forbidden:
		if needs := header("X-Accepted-GitHub-Permissions"); needs != "" {
			return "the token needs the permission " + needs + " (permissions: in the workflow, or the token's settings)"
		}
	case SSO:
		if _, address, ok := strings.Cut(header("X-GitHub-SSO"), "url="); ok {
			return "authorize the token for the organization's single sign-on: " + address
		}
	case PrimaryLimit:
		if at := ResetTime(resp); !at.IsZero() {
			return "run the job again after " + at.Format(time.RFC3339) + ", or use a token with a limit of its own"
		}
		return "run the job again in an hour, or use a token with a limit of its own"
	case SecondaryLimit:
		if after := header("Retry-After"); after != "" {
			return "run the job again in " + after + " seconds, with fewer jobs at once"
		}
		return "run the job again in a few minutes, with fewer jobs at once"
	}
	return hints[kind]
}

// ResetTime is when a primary limit ends, in UTC; zero where it is not told.
func ResetTime(resp *http.Response) time.Time {
	seconds, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || seconds <= 0 || seconds >= 1<<37 { // in the year 6325
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// graphqlFailure reads an error that came with status 200.
func graphqlFailure(op string, resp *http.Response, e graphqlError) *Error {
	kind := Refused
	switch e.Type {
	case "RATE_LIMITED", "RATE_LIMIT":
		kind = PrimaryLimit
	case "FORBIDDEN", "INSUFFICIENT_SCOPES":
		kind = Forbidden
	case "NOT_FOUND":
		kind = NotFound
	case "INTERNAL", "SERVICE_UNAVAILABLE":
		kind = Server
	case "":
		if strings.HasPrefix(e.Message, "Something went wrong while executing your query") {
			kind = Server
		}
	}
	return &Error{Op: op, Kind: kind, Status: resp.StatusCode, text: "GitHub answered: " + text.Quote(e.Message), hint: hintFor(kind, resp),
		reset: ResetTime(resp)}
}

// Printable replaces what is not printable ASCII, and cuts.
func Printable(s string) string {
	const most = 500
	s = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	return s[:min(most, len(s))]
}
