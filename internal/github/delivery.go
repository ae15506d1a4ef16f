package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
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
func (w *Webhooks) Deliveries(ctx context.Context, hook audit.Hook, since time.Time) (audit.Listing, error) {
	op := fmt.Sprintf("list the deliveries of webhook %d of %s", hook.ID, scopeOf(hook))
	l := audit.Listing{Hook: hook}
	err := w.deliveries(ctx, op, &l, since)
	if err != nil {
		l.Problem = err.Error()
	}
	return l, err
}

func (w *Webhooks) deliveries(ctx context.Context, op string, l *audit.Listing, since time.Time) error {
	way, path, err := w.deliveriesOf(op, l.Hook)
	if err != nil {
		return err
	}
	query := url.Values{"per_page": {strconv.Itoa(pageSize)}}
	seen, cursors := map[int64]bool{}, map[string]bool{}
	for range maxHookPages {
		var page []attemptJSON
		resp, err := way.askHook(ctx, op, http.MethodGet, addressOf(path, query), scopeOf(l.Hook), &page)
		if err != nil {
			return err
		}
		young := 0
		for _, a := range page {
			if a.ID <= 0 || a.GUID == "" || a.DeliveredAt.IsZero() {
				return odd(op, "a delivery without id, guid or time")
			}
			if a.DeliveredAt.Before(since) {
				continue
			}
			young++
			if !seen[a.ID] { // the list may move on while it is read
				seen[a.ID] = true
				l.Attempts = append(l.Attempts, a.attempt())
			}
		}
		// One old delivery among young ones may be out of order; a page full of
		// them is the end.
		if len(page) > 0 && young == 0 {
			return nil
		}
		if resp.Cursor == "" {
			l.Ended = young == len(page)
			return nil
		}
		if cursors[resp.Cursor] {
			return odd(op, "the list turns in circles")
		}
		cursors[resp.Cursor] = true
		query.Set("cursor", resp.Cursor)
	}
	return &Error{Op: op, Kind: Truncated, text: "the list has no end", hint: hints[Truncated]}
}

// Redeliver asks GitHub to send a delivery again, under the same GUID. Without
// an error GitHub has taken the order; whether it arrives is in its list later.
// It is never asked for twice by itself.
func (w *Webhooks) Redeliver(ctx context.Context, hook audit.Hook, attempt int64) error {
	op := fmt.Sprintf("redeliver %d of webhook %d of %s", attempt, hook.ID, scopeOf(hook))
	way, path, err := w.deliveriesOf(op, hook)
	if err != nil {
		return err
	}
	_, err = way.askHook(ctx, op, http.MethodPost, fmt.Sprintf("%s/%d/attempts", path, attempt), scopeOf(hook), nil)
	return err
}

// requestJSON is what GitHub sent.
type requestJSON struct {
	Headers map[string]any  `json:"headers"`
	Payload json.RawMessage `json:"payload"`
}

// request shows what GitHub sent with an attempt.
func (w *Webhooks) request(ctx context.Context, op string, hook audit.Hook, attempt int64) (requestJSON, error) {
	way, path, err := w.deliveriesOf(op, hook)
	if err != nil {
		return requestJSON{}, err
	}
	var shown struct {
		Request requestJSON `json:"request"`
	}
	_, err = way.askHook(ctx, op, http.MethodGet, fmt.Sprintf("%s/%d", path, attempt), scopeOf(hook), &shown)
	return shown.Request, err
}

// Pushed reads what a delivery of push told, for one that cannot be had any
// more: GitHub shows the payload. It is GitHub's word, not a signed delivery.
func (w *Webhooks) Pushed(ctx context.Context, hook audit.Hook, d audit.Delivery) (audit.Push, error) {
	op := fmt.Sprintf("read delivery %d of webhook %d of %s", d.Attempt, hook.ID, scopeOf(hook))
	sent, err := w.request(ctx, op, hook, d.Attempt)
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
	if err := json.Unmarshal(sent.Payload, &push); err != nil || d.Event != "push" || !isID(push.Before) || !isID(push.After) {
		return audit.Push{}, odd(op, "it does not tell of a push")
	}
	return audit.Push{Repository: push.Repository.ID, Ref: push.Ref, Before: push.Before, After: push.After, GUID: d.GUID}, nil
}

// Activities reads a repository's activity list back to a time: its number, and
// who moved which branch, the latest first
// (https://docs.github.com/rest/repos/repos#list-repository-activities).
func (w *Webhooks) Activities(ctx context.Context, repository string, since time.Time) (audit.RepositoryActivity, error) {
	op := "read the activity of repository " + text.Quote(repository)
	out := audit.RepositoryActivity{Name: repository}
	err := w.activities(ctx, op, &out, since)
	if err != nil {
		out.Problem = err.Error()
	}
	return out, err
}

func (w *Webhooks) activities(ctx context.Context, op string, out *audit.RepositoryActivity, since time.Time) error {
	way, place, err := w.place(op, Scope{RepositoryScope, out.Name})
	if err != nil {
		return err
	}
	var repository gh.Repository
	if _, err := way.ask(ctx, op, http.MethodGet, place, &repository); err != nil {
		return err
	}
	if out.ID = repository.GetID(); out.ID <= 0 || !strings.Contains(repository.GetFullName(), "/") {
		return odd(op, "the repository has no number or no name")
	}
	query := url.Values{"per_page": {strconv.Itoa(pageSize)}}
	cursors := map[string]bool{}
	for range maxHookPages {
		var page []struct {
			push
			ID        int64     `json:"id"`
			Timestamp time.Time `json:"timestamp"`
		}
		resp, err := way.ask(ctx, op, http.MethodGet, addressOf(place+"/activity", query), &page)
		if err != nil {
			return err
		}
		for _, p := range page {
			if !isID(p.Before) || !isID(p.After) || p.Timestamp.IsZero() {
				return odd(op, "an activity without commit ids or time")
			}
			if p.Timestamp.Before(since) {
				return nil // sorted, unlike deliveries
			}
			out.Activities = append(out.Activities, audit.Activity{
				ID: p.ID, Type: p.Type, Ref: p.Ref, Before: p.Before, After: p.After,
				ActorID: p.Actor.GetID(), Actor: p.Actor.GetLogin(), Time: p.Timestamp.UTC(),
			})
		}
		if resp.After == "" {
			return nil
		}
		if cursors[resp.After] {
			return odd(op, "the list turns in circles")
		}
		cursors[resp.After] = true
		query.Set("after", resp.After)
	}
	return &Error{Op: op, Kind: Truncated, text: "the list has no end", hint: hints[Truncated]}
}
