package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// attemptJSON is a line of a list of deliveries; go-github's has no throttled_at
// (https://docs.github.com/rest/repos/webhooks#list-deliveries-for-a-repository-webhook).
type attemptJSON struct {
	ID          int64      `json:"id"`
	GUID        string     `json:"guid"`
	DeliveredAt time.Time  `json:"delivered_at"`
	Redelivery  bool       `json:"redelivery"`
	Status      string     `json:"status"`
	StatusCode  int        `json:"status_code"`
	Event       string     `json:"event"`
	Action      string     `json:"action"`
	Repository  int64      `json:"repository_id"`
	ThrottledAt *time.Time `json:"throttled_at"`
}

func (a attemptJSON) attempt() audit.Attempt {
	out := audit.Attempt{
		ID: a.ID, GUID: a.GUID, Time: a.DeliveredAt.UTC(), Redelivery: a.Redelivery, Status: a.Status, StatusCode: a.StatusCode,
		Event: a.Event, Action: a.Action, Repository: a.Repository,
	}
	if a.ThrottledAt != nil {
		out.Throttled = a.ThrottledAt.UTC()
	}
	return out
}

// Deliveries lists what GitHub sent to a hook since a time, the latest first.
// With an error comes what had been read before it, and Problem says why the
// rest is missing.
func (c *Client) Deliveries(ctx context.Context, hook audit.Hook, since time.Time) (audit.Listing, error) {
	op := fmt.Sprintf("list the deliveries of webhook %d of %s", hook.ID, scopeOf(hook))
	l := audit.Listing{Hook: hook}
	err := c.attempts(ctx, op, &l, since)
	if err != nil {
		l.Problem = err.Error()
	}
	return l, err
}

func (c *Client) attempts(ctx context.Context, op string, l *audit.Listing, since time.Time) error {
	at, err := c.deliveries(op, l.Hook)
	if err != nil {
		return err
	}
	seen, young := map[int64]bool{}, false
	err = github.List(op, at.path, nil, maxPages, at.getting(ctx), func(page []attemptJSON) (more bool, err error) {
		young = true
		for _, a := range page {
			if a.ID <= 0 || a.GUID == "" || a.DeliveredAt.IsZero() {
				return false, github.Odd(op, "a delivery without id, guid or time")
			}
			if a.DeliveredAt.Before(since) {
				young = false
				continue
			}
			more = true
			if !seen[a.ID] { // the list may move on while it is read
				seen[a.ID] = true
				l.Attempts = append(l.Attempts, a.attempt())
			}
		}
		// One old delivery among young ones may be out of order; a page full of
		// them is the end.
		return more || len(page) == 0, nil
	})
	l.Ended = err == nil && young
	return err
}

// Redeliver asks GitHub to send a delivery again, under the same GUID. Without
// an error GitHub has taken the order; whether it arrives is in its list later.
// It is never asked for twice by itself.
func (c *Client) Redeliver(ctx context.Context, hook audit.Hook, attempt int64) error {
	op := fmt.Sprintf("redeliver %d of webhook %d of %s", attempt, hook.ID, scopeOf(hook))
	at, err := c.deliveries(op, hook)
	if err != nil {
		return err
	}
	_, err = at.ask(ctx, op, http.MethodPost, fmt.Sprintf("%s/%d/attempts", at.path, attempt), nil)
	return err
}

// requestJSON is what GitHub sent.
type requestJSON struct {
	Headers map[string]any  `json:"headers"`
	Payload json.RawMessage `json:"payload"`
}

// shownJSON is one attempt as GitHub shows it: where it went, what was sent, and what
// came back, whose payload is text
// (https://docs.github.com/rest/repos/webhooks#get-a-delivery-for-a-repository-webhook).
type shownJSON struct {
	URL      string      `json:"url"`
	Request  requestJSON `json:"request"`
	Response struct {
		Payload string `json:"payload"`
	} `json:"response"`
}

// show has GitHub show an attempt.
func (c *Client) show(ctx context.Context, op string, hook audit.Hook, attempt int64) (shown shownJSON, err error) {
	at, err := c.deliveries(op, hook)
	if err == nil {
		_, err = at.ask(ctx, op, http.MethodGet, fmt.Sprintf("%s/%d", at.path, attempt), &shown)
	}
	return shown, err
}

// Told is the id of the entry that an attempt was answered with, as GitHub's log has
// it. It is empty where another URL was asked, or the answer is none of a receiver's.
func (c *Client) Told(ctx context.Context, hook audit.Hook, a audit.Attempt) (string, error) {
	op := fmt.Sprintf("read the answer to delivery %d of webhook %d of %s", a.ID, hook.ID, scopeOf(hook))
	shown, err := c.show(ctx, op, hook, a.ID)
	if err, ok := errors.AsType[*github.Error](err); ok && err.Kind == github.NotFound {
		return "", fmt.Errorf("%w: %w", audit.ErrForgotten, err)
	}
	if err != nil || shown.URL != hook.URL {
		return "", err
	}
	return audit.EntryOf(shown.Response.Payload, a.GUID), nil
}

// Pushed reads what a delivery of push told, for one that cannot be had any
// more: GitHub shows the payload. It is GitHub's word, not a signed delivery.
func (c *Client) Pushed(ctx context.Context, hook audit.Hook, d audit.Delivery) (audit.Push, error) {
	op := fmt.Sprintf("read delivery %d of webhook %d of %s", d.Attempt, hook.ID, scopeOf(hook))
	shown, err := c.show(ctx, op, hook, d.Attempt)
	if err != nil {
		return audit.Push{}, err
	}
	var push struct {
		Ref        string `json:"ref"`
		Before     string `json:"before"`
		After      string `json:"after"`
		Repository struct {
			ID int64 `json:"id"`
		} `json:"repository"`
	}
	err = json.Unmarshal(shown.Request.Payload, &push)
	if err != nil || d.Event != "push" || !github.IsID(push.Before) || !github.IsID(push.After) {
		return audit.Push{}, github.Odd(op, "it does not tell of a push")
	}
	return audit.Push{Repository: push.Repository.ID, Ref: push.Ref, Before: push.Before, After: push.After, GUID: d.GUID}, nil
}

// Activities reads a repository's activity list back to a time: its number, and
// who moved which branch, the latest first
// (https://docs.github.com/rest/repos/repos#list-repository-activities).
func (c *Client) Activities(ctx context.Context, repository string, since time.Time) (audit.RepositoryActivity, error) {
	op := "read the activity of repository " + text.Quote(repository)
	out := audit.RepositoryActivity{Name: repository}
	err := c.activities(ctx, op, &out, since)
	if err != nil {
		out.Problem = err.Error()
	}
	return out, err
}

func (c *Client) activities(ctx context.Context, op string, out *audit.RepositoryActivity, since time.Time) error {
	at, err := c.endpoint(op, Scope{RepositoryScope, out.Name})
	if err != nil {
		return err
	}
	var repository gh.Repository
	if _, err := c.Ask(ctx, op, http.MethodGet, at.path, &repository); err != nil {
		return err
	}
	if out.ID = repository.GetID(); out.ID <= 0 || !strings.Contains(repository.GetFullName(), "/") {
		return github.Odd(op, "the repository has no number or no name")
	}
	get := func(op, address string, out any) (*gh.Response, error) {
		return c.Ask(ctx, op, http.MethodGet, address, out)
	}
	return github.List(op, at.path+"/activity", nil, maxPages, get, func(page []activityJSON) (bool, error) {
		for _, p := range page {
			if !github.IsID(p.Before) || !github.IsID(p.After) || p.Timestamp.IsZero() {
				return false, github.Odd(op, "an activity without commit ids or time")
			}
			if p.Timestamp.Before(since) {
				return false, nil // sorted, unlike deliveries
			}
			out.Activities = append(out.Activities, audit.Activity{
				ID: p.ID, Type: p.Type, Ref: p.Ref, Before: p.Before, After: p.After,
				ActorID: p.Actor.GetID(), Actor: p.Actor.GetLogin(), Time: p.Timestamp.UTC(),
			})
		}
		return true, nil
	})
}

// activityJSON is one entry of a repository's activity list.
type activityJSON struct {
	ID        int64     `json:"id"`
	Before    string    `json:"before"`
	After     string    `json:"after"`
	Ref       string    `json:"ref"`
	Type      string    `json:"activity_type"`
	Actor     *gh.User  `json:"actor"`
	Timestamp time.Time `json:"timestamp"`
}
