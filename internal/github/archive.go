package github

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	gh "github.com/google/go-github/v66/github"
)

// Archive opens the archive of a commit's files, a compressed tar. GitHub sends to
// another server for it, with an address that lets anybody read the repository for
// some minutes: it counts as a secret, is in no error, and is asked without the
// token. What is in the archive is up to the repository's .gitattributes.
func (c *Client) Archive(ctx context.Context, sha string) (io.ReadCloser, error) {
	op := "read the archive of commit " + sha
	at, resp, err := c.API.Repositories.GetArchiveLink(ctx, c.Owner, c.Name, gh.Tarball, &gh.RepositoryContentGetOptions{Ref: sha}, 1)
	switch {
	case resp != nil && resp.StatusCode >= 400:
		return nil, Classify(ctx, op, &gh.ErrorResponse{Response: resp.Response, Message: http.StatusText(resp.StatusCode)})
	case err != nil && resp == nil:
		return nil, Classify(ctx, op, anonymous(err))
	case err != nil || at.Host == "" || at.User != nil || at.Scheme != "https" && at.Scheme != c.API.BaseURL.Scheme:
		return nil, Odd(op, "GitHub sends to no address that can be asked")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, Odd(op, "GitHub sends to no address that can be asked")
	}
	req.Header.Set("User-Agent", c.API.UserAgent)
	answer, err := c.plain.RoundTrip(req)
	if err != nil {
		return nil, Classify(ctx, op, anonymous(err))
	}
	if answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close()
		return nil, Classify(ctx, op, &gh.ErrorResponse{Response: answer, Message: http.StatusText(answer.StatusCode)})
	}
	return answer.Body, nil
}

// errUnreached stands for an error that could name the address.
var errUnreached = errors.New("the server was not reached")

// anonymous takes the address out of a connection's error.
func anonymous(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return &url.Error{Op: "Get", URL: "(not shown)", Err: e.Err}
	}
	return &url.Error{Op: "Get", URL: "(not shown)", Err: errors.Join(errUnreached, err)}
}
