package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// needed are the events in which what a thief does with the bot's token would show.
var needed = [...]string{
	"branch_protection_rule", "check_run", "create", "delete", "deploy_key", "issue_comment", "member", "meta", "pull_request",
	"pull_request_review", "push", "release", "repository", "repository_ruleset", "secret_scanning_alert", "status", "workflow_run",
}

// NeverShown says what deliveries cannot show, however complete they are.
const NeverShown = "what was read, cloned or downloaded; secrets that a workflow has seen; gists, keys and addresses of the account; " +
	"pushes that were refused, or let past a rule; webhooks, secrets, environments and settings of Actions that somebody changed; " +
	"pushes of more than 25 MB, or of more than three tags at once; " +
	"anything outside of what the webhooks are set up on, and events that they do not hear of"

// anchors say why GitHub may have told less than happened in the window, place by
// place: its webhooks were made or changed, are off, or hear of less than is needed.
func (o Observations) anchors() []string {
	var gaps []string
	for i, l := range o.Listings {
		place := l.Hook
		if !place.Active {
			gaps = append(gaps, fmt.Sprintf("webhook %d of %s is not active: nothing is sent to it", place.ID, place.Owner))
		}
		same := func(l Listing) bool { return l.Hook.Scope == place.Scope && l.Hook.Owner == place.Owner }
		if slices.ContainsFunc(o.Listings[:i], same) {
			continue
		}
		since, deaf := o.hears(place)
		if since.After(o.Window.From.Add(clockSkew)) {
			gaps = append(gaps, fmt.Sprintf("the webhook of %s was made or changed on %s: what it was told of before is not known",
				place.Owner, clock(since)))
		}
		if len(deaf) > 0 {
			gaps = append(gaps, fmt.Sprintf("no active webhook of %s is told of %s", place.Owner, strings.Join(deaf, ", ")))
		}
	}
	return append(gaps, o.refused()...)
}

// refused says what the receiver did not take of deliveries that GitHub lists no more, or
// of a webhook whose list was not read. Of the others those are missing that GitHub sent.
func (o Observations) refused() []string {
	unlisted := Window{o.Window.From, o.reach()}
	return o.Held.refused(func(hook int64) Window {
		if hook != 0 && slices.ContainsFunc(o.Listings, func(l Listing) bool { return l.Hook.ID == hook && l.Problem == "" }) {
			return unlisted
		}
		return o.Window
	})
}

// hears is since when all of the needed events of a place have been heard of, as far
// as any webhook is told of them; deaf are the others.
func (o Observations) hears(place Hook) (since time.Time, deaf []string) {
	for _, event := range needed {
		var first time.Time
		for _, l := range o.Listings {
			h := l.Hook
			if !h.Active || !slices.Contains(h.Events, event) && !slices.Contains(h.Events, "*") ||
				(h.Scope != place.Scope || h.Owner != place.Owner) && (place.Scope != "repository" || !h.covers(place.Owner)) {
				continue
			}
			if changed := latest(h.CreatedAt, h.UpdatedAt); first.IsZero() || changed.Before(first) {
				first = changed
			}
		}
		if first.IsZero() {
			deaf = append(deaf, event)
		}
		since = latest(since, first)
	}
	return since, deaf
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Alone is what a record tells of itself in a window, and what it cannot tell, when
// nobody compared it with GitHub's lists.
func (h Held) Alone(window Window) finding.Answer {
	gaps := []string{"the record was not compared with what GitHub lists: name the repository, the organization or the App, and a token"}
	if h.Began.After(window.From.Add(clockSkew)) {
		gaps = append(gaps, "the record begins on "+clock(h.Began)+": what happened before is not in it")
	}
	gaps = append(gaps, h.refused(func(int64) Window { return window })...)
	return finding.Answered(removal(h.removed(window)), gaps...)
}
