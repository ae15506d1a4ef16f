package hooks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/hubtest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// memory is a receiver that takes what is rightly signed, and remembers it.
type memory struct {
	t      *testing.T
	secret string
	now    func() time.Time

	mu       sync.Mutex
	held     map[audit.DeliveryKey]time.Time
	pushes   []audit.Push
	arrivals int
}

func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	mac := hmac.New(sha256.New, []byte(m.secret))
	mac.Write(body)
	if err != nil || !hmac.Equal([]byte(r.Header.Get("X-Hub-Signature-256")), []byte("sha256="+hex.EncodeToString(mac.Sum(nil)))) {
		m.t.Error("a delivery without its signature")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var p struct {
		Ref, Before, After string
		Repository         struct{ ID int64 }
	}
	hook, err := strconv.ParseInt(r.Header.Get("X-GitHub-Hook-ID"), 10, 64)
	if err != nil || json.Unmarshal(body, &p) != nil {
		m.t.Error("a delivery that cannot be read")
	}
	key := audit.DeliveryKey{Hook: hook, GUID: r.Header.Get("X-GitHub-Delivery")}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arrivals++
	if _, ok := m.held[key]; !ok {
		m.held[key] = m.now()
		m.pushes = append(m.pushes, audit.Push{Repository: p.Repository.ID, Ref: p.Ref, Before: p.Before, After: p.After, GUID: key.GUID})
	}
	w.WriteHeader(http.StatusAccepted)
}

// ledger is what is held by now.
func (m *memory) ledger() audit.Held {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := audit.Held{Deliveries: map[audit.DeliveryKey]time.Time{}, Pushes: slices.Clone(m.pushes)}
	for key, at := range m.held {
		held.Deliveries[key] = at
	}
	return held
}

// threeDays are some days of a repository, and what became of them.
type threeDays struct {
	*world
	*memory
	clock atomic.Int64
	hook  audit.Hook
	// what has to be found out in the end, as GUIDs or commits
	lost, hopeless, never, older []string
	late                         string
}

// fates are what may become of a delivery that is not lucky.
var fates = []fakehub.Fate{
	{Lost: fakehub.NoHost}, {Lost: fakehub.NoNetwork}, {Lost: fakehub.TimedOut}, {Lost: fakehub.BadPeer},
	{Lost: fakehub.BadResponse}, {Swallowed: true}, {Lost: fakehub.TimedOut, Again: 1},
}

// newThreeDays lets a bot push every six minutes for three days and a half, of
// which GitHub lists three. 5 % are lost on the way.
func newThreeDays(t *testing.T) *threeDays {
	d := &threeDays{memory: &memory{t: t, secret: leaktest.Secret, held: map[audit.DeliveryKey]time.Time{}}}
	d.clock.Store(noon.UnixNano())
	d.now = func() time.Time { return time.Unix(0, d.clock.Load()) }
	d.world = hookWorld(t, d.now)
	receiver := httptest.NewServer(d.memory)
	t.Cleanup(receiver.Close)
	d.hook = audit.Hook{Scope: "repository", Owner: fleet, ID: hookID, Active: true, Events: []string{"push"}, CreatedAt: monthAgo}
	d.AddHook(fakehub.Hook{ID: hookID, On: fleet, URL: receiver.URL, Secret: d.secret, Created: monthAgo})
	chance := rand.New(rand.NewPCG(1, 2))
	const steps = 840
	for i := range steps {
		at := noon.Add(-time.Duration(steps-i) * 6 * time.Minute)
		p := fakehub.Push{Ref: "main", Before: fmt.Sprintf("%040x", i), After: fmt.Sprintf("%040x", i+1), Actor: hubtest.Bot, Time: at}
		d.clock.Store(at.UnixNano()) // the receiver's clock goes with it
		gone := noon.Sub(at) >= 72*time.Hour
		switch {
		case i%97 == 50:
			d.AddPush(fleet, p)
			if gone {
				d.older = append(d.older, p.After)
			} else {
				d.never = append(d.never, p.After)
			}
		case i%200 == 150:
			guid := d.EmitPush(fleet, p, fakehub.Fate{Lost: fakehub.NoHost, Again: -1})
			d.hopeless = append(d.hopeless, guid)
		case i == 700:
			d.hopeless = append(d.hopeless, d.EmitPush(fleet, p, fakehub.Fate{Lost: fakehub.NoHost, Refused: 422}))
		case i%100 == 10:
			d.EmitPush(fleet, p, fakehub.Fate{Throttled: 4 * time.Minute})
		case i == steps-1:
			d.late = d.EmitPush(fleet, p, fakehub.Fate{Throttled: 30 * time.Minute})
		case chance.IntN(100) < 5:
			guid := d.EmitPush(fleet, p, fates[chance.IntN(len(fates))])
			if gone {
				d.older = append(d.older, p.After)
			} else {
				d.lost = append(d.lost, guid)
			}
		default:
			d.EmitPush(fleet, p, fakehub.Fate{})
		}
		d.Deliver()
	}
	d.clock.Store(noon.UnixNano())
	d.Deliver()
	slices.Sort(d.lost)
	slices.Sort(d.hopeless)
	return d
}

// round is one reconciliation; it says whether there was anything to ask for.
// An order that GitHub does not take is a later round's.
func (d *threeDays) round(c *hooks.Client, limit int) (asked, refused int, left bool) {
	t := d.memory.t
	t.Helper()
	hooks, err := c.Hooks(t.Context(), repoScope)
	if err != nil || len(hooks) != 1 {
		t.Fatalf("%+v, %v", hooks, err)
	}
	d.hook = hooks[0] // as GitHub describes it
	l, err := c.Deliveries(t.Context(), d.hook, noon.AddDate(0, 0, -4))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range audit.PlanRedeliveries(l, d.ledger(), audit.RedeliveryOptions{
		Now: d.now(), Cooldown: 15 * time.Minute, MaxTries: 3, Limit: limit,
	}) {
		left = left || r.Step == audit.Later || r.Step == audit.Wait
		if r.Step != audit.Ask {
			continue
		}
		if err := c.Redeliver(t.Context(), d.hook, r.Attempt); err != nil {
			refused++
			continue
		}
		asked++
	}
	d.Deliver()
	return asked, refused, left
}

// TestReconcile lets GitHub lose, hold back and forget deliveries, and looks
// for every one of them in the statement.
func TestReconcile(t *testing.T) {
	d := newThreeDays(t)
	want := slices.Sorted(slices.Values(slices.Concat(d.lost, d.hopeless)))
	if diff := cmp.Diff(want, guids(audit.Complete(d.state()).Missing)); diff != "" {
		t.Error("before anything is asked for:", diff)
	}
	d.AddFault(fakehub.SecondaryLimit("repos/redeliver-webhook-delivery", 429, 0))
	d.AddFault(fakehub.Fault{On: "repos/redeliver-webhook-delivery", Skip: 3, Status: 502})
	d.AddFault(fakehub.Fault{On: "repos/list-webhook-deliveries", Skip: 2, Times: 2, Status: 503})
	var asked, rounds int
	for ; rounds < 40; rounds++ {
		// A new client each time: a round needs nothing of the one before.
		n, refused, left := d.round(d.webhooks(adminToken, github.App{}), 10)
		asked += n
		if n == 0 && !left && refused <= 1 { // GitHub refuses one for good
			break
		}
		d.clock.Add(int64(10 * time.Minute))
	}
	if rounds == 40 {
		t.Fatal("it never ends")
	}
	d.check(d.state())
	t.Logf("%d lost, %d asked for in %d rounds, %d requests", len(d.lost), asked, rounds, d.Count())
}

// state is what a statement is made of, read anew.
func (d *threeDays) state() audit.Observations {
	t, c := d.memory.t, d.webhooks(adminToken, github.App{})
	o := audit.Observations{
		Window: audit.Window{From: noon.AddDate(0, 0, -4), To: noon}, Now: d.now(), Retention: 72 * time.Hour, Settle: 5 * time.Minute,
	}
	l, err := c.Deliveries(t.Context(), d.hook, o.Window.From)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Activities(t.Context(), fleet, o.Window.From)
	if err != nil {
		t.Fatal(err)
	}
	o.Listings, o.Repositories, o.Held = []audit.Listing{l}, []audit.RepositoryActivity{r}, d.ledger()
	for _, m := range audit.Complete(o).Missing {
		push, err := c.Pushed(t.Context(), d.hook, m)
		if err != nil {
			t.Fatal(err)
		}
		o.Told = append(o.Told, push)
	}
	return o
}

// check holds a statement against what was done to the deliveries.
func (d *threeDays) check(o audit.Observations) {
	t, s := d.memory.t, audit.Complete(o)
	expired := func(at time.Time) bool { return s.Expired.Contains(at) }
	if got := guids(s.Recovered); !subset(got, d.lost) || len(got) < len(d.lost)-3 {
		t.Errorf("recovered %q, lost were %q", got, d.lost)
	}
	if got := guids(s.Missing); !subset(got, d.hopeless) || len(got) < len(d.hopeless)-1 {
		t.Errorf("missing %q, want %q", got, d.hopeless)
	}
	named := map[string]bool{}
	for _, u := range slices.Concat(s.NeverEmitted, s.Unsettled) {
		named[u.After] = true
		if expired(u.Time) != strings.Contains(u.Reason, "no longer lists") {
			t.Errorf("%s at %s: %s", u.After, u.Time, u.Reason)
		}
	}
	var never []string
	for _, u := range s.NeverEmitted {
		never = append(never, u.After)
	}
	if !subset(never, d.never) || len(never) < len(d.never)-1 {
		t.Errorf("never emitted: %q, want %q", never, d.never)
	}
	// Whatever an activity tells is held, or named with what became of it.
	told := map[string]bool{}
	for _, p := range slices.Concat(o.Held.Pushes, o.Told) {
		told[p.After] = true
	}
	for _, a := range o.Repositories[0].Activities {
		if o.Window.Contains(a.Time) && !told[a.After] && !named[a.After] {
			t.Errorf("nothing tells what became of %s at %s", a.After, a.Time)
		}
	}
	if len(d.older) == 0 || len(d.lost) < 20 || len(d.never) == 0 {
		t.Error("too little went wrong for the test to prove anything")
	}
	if _, ok := o.Held.Deliveries[audit.DeliveryKey{Hook: hookID, GUID: d.late}]; !ok {
		t.Error("what was put off did not come in")
	}
	if len(s.Answer().Gaps) == 0 || s.Throttled == 0 || len(s.Unlisted) != 0 || s.Listed != s.Held+len(s.Missing) {
		t.Errorf("%+v", s)
	}
	t.Log(s.Summary())
}

func guids(list []audit.Delivery) []string {
	var out []string
	for _, one := range list {
		out = append(out, one.GUID)
	}
	slices.Sort(out)
	return out
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}
