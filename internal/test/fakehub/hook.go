package fakehub

import (
	"cmp"
	"crypto/rsa"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The words of GitHub's list for deliveries that went wrong
// (https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks).
const (
	NoHost      = "failed to connect to host"
	NoNetwork   = "failed to connect to network"
	TimedOut    = "timed out"
	BadPeer     = "peer certificate cannot be authenticated with given CA certificates"
	BadResponse = "invalid HTTP response"
)

// keeps is how long GitHub lists a delivery and lets it be sent again.
const keeps = 3 * 24 * time.Hour

// Hook is a webhook.
type Hook struct {
	// ID is GitHub's number for the hook; one is made up when it is 0.
	ID int64
	// On is the full name of a repository or the login of an organization that
	// the hook is set up on; empty for the app's own hook.
	On string
	// URL takes the deliveries; none are sent when it is empty, and GitHub says
	// that it could not connect.
	URL    string
	Secret string
	// Events are push when empty; "*" are all.
	Events []string
	// ContentType is json (the default here) or form.
	ContentType string
	InsecureTLS bool
	Inactive    bool
	// Created and Updated are the hub's time when zero.
	Created, Updated time.Time
}

// App is the GitHub App that asks for itself, with a JWT.
type App struct {
	ID   int64
	Slug string
	// Key is what its JWTs are verified with.
	Key *rsa.PublicKey
}

// Event is something that happened, and that hooks are told of.
type Event struct {
	// Name is the event's, such as push; Action its action, where it has one.
	Name, Action string
	// Repo is the full name of its repository.
	Repo string
	// Body is the payload, in JSON.
	Body []byte
	// Time is when it happened: the hub's time when zero.
	Time time.Time
	// GUID names the event; one is made up when it is empty.
	GUID string
}

// Fate is what becomes of the deliveries of an event. The zero Fate is that
// they arrive at once.
type Fate struct {
	// Lost deliveries never arrive; this is the status that GitHub lists, such
	// as TimedOut.
	Lost string
	// Swallowed deliveries never arrive either, but something on the way
	// answered 200, and so GitHub lists them as OK.
	Swallowed bool
	// Late deliveries are sent so long after the event.
	Late time.Duration
	// Throttled deliveries are late, and GitHub lists that it held them back.
	Throttled time.Duration
	// Again is how many redeliveries are lost as well; all when negative.
	Again int
	// Refused is the status that asking for a redelivery gets, such as 422.
	// Nobody asking fails the test.
	Refused int

	refused int // times
}

type hook struct {
	Hook
	attempts []*attempt // in the order that they were made in
}

// attempt is one try to deliver an event to a hook.
type attempt struct {
	Event
	hook       *hook
	fate       *Fate // of all tries
	id         int64
	due        time.Time
	redelivery bool
	status     string // empty until it was tried
	code       int
	took       time.Duration
	answered   http.Header // nil where no answer came
	response   string
}

// SetApp puts an app on the hub. Its JWTs are checked.
func (h *Hub) SetApp(a App) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a.Slug = cmp.Or(a.Slug, "fluxkeeper")
	h.app = &a
}

// AddHook sets a webhook up, and gives its id.
func (h *Hub) AddHook(k Hook) int64 {
	if k.Secret != "" {
		h.known("a webhook's secret", k.Secret)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if k.ID == 0 {
		k.ID = 400_000_000 + h.id()
	}
	if k.Events == nil {
		k.Events = []string{"push"}
	}
	if k.Created.IsZero() {
		k.Created = h.now()
	}
	if k.Updated.IsZero() {
		k.Updated = k.Created
	}
	k.ContentType = cmp.Or(k.ContentType, "json")
	h.hooks = append(h.hooks, &hook{Hook: k})
	return k.ID
}

// scope is what a hook is set up on, in GitHub's word and by its number.
func (h *Hub) scope(k *hook) (kind string, id int64) {
	switch {
	case k.On == "":
		return "integration", h.app.ID
	case strings.Contains(k.On, "/"):
		return "repository", h.repo(k.On).ID
	}
	return "organization", h.account(k.On).ID
}

// hears says whether a hook is told of an event.
func (k *hook) hears(e Event) bool {
	owner, _, _ := strings.Cut(e.Repo, "/")
	return !k.Inactive && !k.Created.After(e.Time) &&
		(k.On == "" || strings.EqualFold(k.On, e.Repo) || strings.EqualFold(k.On, owner)) &&
		(slices.Contains(k.Events, e.Name) || slices.Contains(k.Events, "*"))
}

// Emit tells the hooks of an event, and gives its GUID. What is due by now has
// been sent when it returns.
func (h *Hub) Emit(e Event, f Fate) string {
	h.mu.Lock()
	if e.Time.IsZero() {
		e.Time = h.now()
	}
	if e.GUID == "" {
		e.GUID = fmt.Sprintf("%08x-b361-11eb-836d-0e4f3503ccbe", h.id())
	}
	for _, k := range h.hooks {
		if k.hears(e) {
			own := f
			h.outbox = append(h.outbox, &attempt{Event: e, hook: k, fate: &own, due: e.Time.Add(f.Late + f.Throttled)})
		}
	}
	h.mu.Unlock()
	h.Deliver()
	return e.GUID
}

// EmitPush adds a push to a repository's activity, and tells the hooks of it.
// A push that GitHub never tells of is AddPush alone.
func (h *Hub) EmitPush(fullName string, p Push, f Fate) string {
	h.mu.Lock()
	r := h.repo(fullName)
	r.addPush(p)
	p = r.activity[len(r.activity)-1]
	body := encode(r.pushed(p))
	h.mu.Unlock()
	return h.Emit(Event{Name: "push", Repo: r.FullName(), Body: body, Time: p.Time}, f)
}

// pushed is the payload of a push. The lock is held.
func (r *repo) pushed(p Push) js {
	zero := strings.Repeat("0", 40)
	return js{
		"ref": p.Ref, "before": p.Before, "after": p.After, "base_ref": nil,
		"created": p.Before == zero, "deleted": p.After == zero, "forced": p.Type == "force_push",
		"compare": r.htmlURL("/compare/%.12s...%.12s", p.Before, p.After), "commits": []any{}, "head_commit": nil,
		"repository": r.show(), "pusher": js{"name": p.Actor, "email": nil}, "sender": r.hub.user(p.Actor),
	}
}

// Deliver sends what is due by the hub's clock, and waits for what is being
// sent. Events that are due at once, and redeliveries, need no call.
func (h *Hub) Deliver() {
	h.sending.Lock()
	defer h.sending.Unlock()
	for {
		h.mu.Lock()
		now := h.options.Now()
		i := slices.IndexFunc(h.outbox, func(a *attempt) bool { return !a.due.After(now) })
		if i < 0 {
			h.mu.Unlock()
			return
		}
		a := h.outbox[i]
		h.outbox = slices.Delete(h.outbox, i, i+1)
		lost := a.damage()
		header := h.hookHeaders(a)
		h.mu.Unlock()
		if lost == "" && a.status == "" {
			a.post(header)
		}
		h.mu.Lock()
		h.lastAttempt++
		a.id = 3_000_000_000_000 + h.lastAttempt // beyond 32 bits, as GitHub's are
		a.hook.attempts = append(a.hook.attempts, a)
		h.mu.Unlock()
	}
}

// damage sets what is listed of an attempt that does not arrive, and says why
// it does not. The lock is held.
func (a *attempt) damage() string {
	why := ""
	switch {
	case a.redelivery && a.fate.Again != 0:
		a.fate.Again--
		why = cmp.Or(a.fate.Lost, NoHost)
	case !a.redelivery && a.fate.Lost != "":
		why = a.fate.Lost
	case !a.redelivery && a.fate.Swallowed:
		a.status, a.code, a.took = "OK", 200, 20*time.Millisecond
		return "swallowed"
	case a.hook.URL == "":
		why = NoHost
	}
	a.status = why
	if why == TimedOut {
		a.took = 10 * time.Second
	}
	return why
}
