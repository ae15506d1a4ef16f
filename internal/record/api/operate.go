package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Operation is something that whoever has the write token can have done. Its question
// and its answer are JSON.
type Operation func(ctx context.Context, question []byte) (answer any, err error)

// Typed is an operation whose question and answer have types.
func Typed[Q, A any](do func(context.Context, Q) (A, error)) Operation {
	return func(ctx context.Context, question []byte) (any, error) {
		var q Q
		if err := ledger.Decode(question, &q); err != nil {
			return nil, Refused{What: "read what is asked for: " + err.Error()}
		}
		return do(ctx, q)
	}
}

// Operations are operations by their names.
type Operations map[string]Operation

// Do does an operation here, as Receiver.Do has it done elsewhere.
func (o Operations) Do(ctx context.Context, name string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	out, err := o[name](ctx, body)
	if err == nil {
		body, err = json.Marshal(out)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(body, answer)
}

// Refused is an operation's error about what it was asked, and a receiver's about who
// asks. Any other error is trouble.
type Refused struct{ What, Advice string }

// Error is what was wrong, in the words that whoever asked is told.
func (r Refused) Error() string { return r.What }

// Hint says what to do.
func (r Refused) Hint() string { return r.Advice }

// trouble is any other error, as the receiver told it.
func trouble(what, advice string) error {
	return text.WithHint(errors.New("ask receiver: "+what), advice)
}

// Bounds of a question and of an answer, in bytes.
const (
	maxQuestion = 64 << 10
	maxAnswer   = 64 << 20
)

// told is the answer to what was not done.
type told struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// operation does it for whoever has the write token.
func (s *server) operation(do Operation) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch {
		case s.writeToken.Empty():
			return c.JSON(http.StatusForbidden, told{"nothing can be appended through this receiver", "start it with --write-token-file"})
		case !holds(c, s.writeToken):
			s.strangers.Do(func() {
				s.log.Warn("refused: this takes the write token", "path", c.Path(), "from", c.Request().RemoteAddr)
			})
			return c.JSON(http.StatusUnauthorized, told{"this is not the receiver's write token",
				"name the file that the receiver was started with, with --write-token-file"})
		}
		question, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxQuestion))
		if err != nil {
			return c.JSON(http.StatusRequestEntityTooLarge, told{Error: "the question is cut off or too long"})
		}
		// An erasure takes its time. Where these cannot be set, there are none.
		limits := http.NewResponseController(c.Response())
		_ = limits.SetReadDeadline(time.Time{}) // it would end as if nobody waited any more
		_ = limits.SetWriteDeadline(time.Time{})
		answer, err := do(c.Request().Context(), question)
		if err != nil {
			return s.undone(c, err)
		}
		return c.JSON(http.StatusOK, answer)
	}
}

// undone answers an operation's error, in its own words: who asks may know them.
func (s *server) undone(c echo.Context, err error) error {
	status := http.StatusServiceUnavailable
	if _, ok := errors.AsType[Refused](err); ok {
		status = http.StatusUnprocessableEntity
	} else {
		s.log.Error("append through the private listener", "path", c.Path(), "error", err)
	}
	return c.JSON(status, told{secret.Redact(err.Error()), text.HintOf(err)})
}

// holds says whether who asks has the token.
func holds(c echo.Context, token secret.Secret) bool {
	given := sha256.Sum256([]byte(c.Request().Header.Get(echo.HeaderAuthorization)))
	want := sha256.Sum256([]byte(bearer(token)))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// bearer is the header that has the token.
func bearer(token secret.Secret) string { return "Bearer " + token.Reveal() }

// Receiver is a receiver that runs, and what it is asked with.
type Receiver struct {
	url   *url.URL
	token secret.Secret
}

// NewReceiver takes the URL of a private listener and the write token.
func NewReceiver(given string, token secret.Secret) (Receiver, error) {
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Receiver{}, errors.New("it is not a URL such as http://127.0.0.1:8081")
	}
	return Receiver{u, token}, nil
}

// Do has it do an operation. Where no answer comes, what was asked for may be done.
func (r Receiver) Do(ctx context.Context, name string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url.JoinPath("api/v1", name).String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set(echo.HeaderAuthorization, bearer(r.token))
	request.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	// The token is for the receiver alone, and for no proxy of the web's.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return trouble(err.Error(), "is it running, and is this the URL of its private listener? run this again: no harm is done twice")
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode == http.StatusOK {
		err = json.Unmarshal(body, answer)
	}
	if err != nil {
		return trouble(fmt.Sprintf("its answer cannot be read: %v", err), "run this again: no harm is done twice")
	}
	var not told
	switch status := response.StatusCode; {
	case status == http.StatusOK:
		return nil
	case json.Unmarshal(body, &not) != nil || not.Error == "":
		return trouble("the answer is not a receiver's: "+response.Status, "name the URL of its private listener")
	case status < http.StatusInternalServerError:
		return Refused{not.Error, not.Hint}
	}
	return trouble(not.Error, not.Hint)
}
