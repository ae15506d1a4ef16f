package intake

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

const (
	// DefaultMaxBody is what GitHub sends at most, in bytes; it drops larger
	// deliveries itself ("Webhook events and payloads", payload cap).
	DefaultMaxBody = 25 << 20
	// DefaultBudget bounds all bodies in flight together, in bytes.
	DefaultBudget = 256 << 20

	healthPath = "/healthz"

	// GitHub gives up after 10 s. The body has to be in before answerWithin,
	// within which every request is answered, whatever the ledger does.
	readWithin   = 9 * time.Second
	answerWithin = 9500 * time.Millisecond

	// At most this many lines about refused requests are logged.
	linesPerSecond, linesAtOnce = 1, 20
)

// Ledger keeps entries with their bodies, whose hash and size it works out.
// Append returns without an error only when the entry is durable, and with one
// that wraps ledger.ErrUnavailable when it may be sent again, or is
// ledger.ErrRepeated when its body came too often; at once when the context ends. The body is not used after it returned.
type Ledger interface {
	Append(ctx context.Context, e ledger.Entry, body []byte) (ledger.Receipt, error)
}

// Observer is told what became of each request, for metrics. It is called from
// several goroutines at once.
type Observer interface {
	Accepted(event string)
	Duplicate(event string)
	Rejected(reason Reason)
}

// Options say what an Intake works with. Ledger and Secrets are needed.
type Options struct {
	Ledger  Ledger
	Secrets *Secrets
	// SecretID names a secret in the ledger; nil: entries name none.
	SecretID func(secret.Secret) string
	// Bound says what the secret of the same number is good for alone: a hook, such as
	// hook/4711, a target, such as repository/1296269, or "" for all.
	Bound []string
	Allow Allow
	// MaxBody is the greatest length of a body, in bytes; 0: DefaultMaxBody.
	MaxBody int64
	// Budget bounds the memory of all bodies in flight, in bytes; 0:
	// DefaultBudget.
	Budget  int64
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: nothing is logged
	Observe Observer         // nil: nobody is told
}

// Intake takes in deliveries.
type Intake struct {
	ledger  Ledger
	secrets *Secrets
	allow   Allow
	bodies  *bodies
	now     func() time.Time
	log     *slog.Logger
	observe Observer
	lines   *rate.Limiter
	unsaid  atomic.Int64
	flights flights
	burst   burst
	refused refused
}

// New makes an Intake. It refuses to be without a secret, and limits that
// cannot work.
func New(o Options) (*Intake, error) {
	if o.Ledger == nil {
		return nil, errors.New("make intake: there is no ledger")
	}
	if o.Secrets == nil || o.Secrets.live.Load() == nil {
		return nil, errors.New("make intake: there is no webhook secret, and unsigned deliveries are never taken; " +
			"make one with: openssl rand -hex 32")
	}
	if err := errors.Join(o.Allow.validate(), o.Secrets.call(o.SecretID, o.Bound)); err != nil {
		return nil, err
	}
	bodies, err := newBodies(cmp.Or(o.Budget, DefaultBudget), cmp.Or(o.MaxBody, DefaultMaxBody))
	if err != nil {
		return nil, err
	}
	in := &Intake{
		ledger: o.Ledger, secrets: o.Secrets, allow: o.Allow, bodies: bodies, now: o.Now, observe: o.Observe,
		log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)), lines: rate.NewLimiter(linesPerSecond, linesAtOnce),
	}
	if in.now == nil {
		in.now = time.Now
	}
	if in.observe == nil {
		in.observe = nobody{}
	}
	return in, nil
}

// Handler serves POST /webhooks/github, and GET /healthz, which says only that
// the process answers.
func (in *Intake) Handler() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = in.lost
	e.POST(audit.DeliveryPath, in.deliver)
	e.Match([]string{http.MethodGet, http.MethodHead}, healthPath, func(c echo.Context) error {
		hangUp(c)
		return c.JSON(http.StatusOK, map[string]string{"status": "alive"})
	})
	// Echo would answer OPTIONS by itself.
	for _, path := range []string{audit.DeliveryPath, healthPath} {
		e.OPTIONS(path, func(echo.Context) error { return echo.ErrMethodNotAllowed })
	}
	return e
}

// lost answers what no route takes.
func (in *Intake) lost(err error, c echo.Context) {
	if c.Response().Committed {
		return // the client went away while it was being answered
	}
	reason := NotFound
	if errors.Is(err, echo.ErrMethodNotAllowed) {
		reason = Method
		allow := http.MethodPost
		if c.Path() == healthPath {
			allow = "GET, HEAD"
		}
		c.Response().Header().Set(echo.HeaderAllow, allow)
	}
	_ = in.refuse(c, reason, nil)
}

// deliver takes one delivery. What costs more comes later: headers, then the
// body, then its signature, and the ledger only for what is signed.
func (in *Intake) deliver(c echo.Context) error {
	r := c.Request()
	start := time.Now()
	var d delivery
	leave, ok := func() {}, true
	if within(in.allow.Proxies, addressOf(r.RemoteAddr)) {
		leave, ok = in.flights.enter(in.allow.client(r), DefaultAddress)
	}
	defer leave()
	if !ok {
		return in.refuse(c, Crowded, nil)
	}
	if reason := in.head(r, &d); reason != "" {
		return in.refuse(c, reason, nil)
	}
	b, reason := in.bodies.read(r.Body, r.ContentLength, start.Add(readWithin))
	var verified string
	if reason == "" {
		var ok bool
		if verified, ok = in.secrets.signed(b.bytes, d.mac[:], d.hook, d.target); !ok {
			reason = WrongSignature
		}
	}
	if reason != "" {
		b.release()
		return in.refuse(c, reason, nil)
	}
	leave()
	isSigned(r)
	entry := ledger.Entry{
		Kind: ledger.Delivery, Time: in.now().UTC().Truncate(time.Microsecond),
		Source: d.hook, ID: d.guid, Name: d.event, Target: d.target, Version: 1,
		Signature: hex.EncodeToString(d.mac[:]), Secret: verified,
	}
	receipt, err := in.keep(entry, b, start.Add(answerWithin))
	switch {
	case errors.Is(err, ledger.ErrRepeated):
		in.refused.add(entry.Time, ledger.RefusedHook{Hook: d.hook, Count: 1, GUIDs: []string{d.guid}})
		return in.refuse(c, Repeated, nil)
	case errors.Is(err, ledger.ErrUnavailable):
		return in.refuse(c, Unavailable, err)
	case err != nil:
		return in.refuse(c, Failed, err)
	}
	return in.take(c, &d, &receipt)
}

// keep hands an entry to the ledger, which gives up at the given time. It does
// not give up when the client does: what is signed and here in full is worth
// keeping, for GitHub does not send it again.
func (in *Intake) keep(e ledger.Entry, b *body, until time.Time) (receipt ledger.Receipt, err error) {
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	defer b.release()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("append entry: panic: %v", p)
		}
	}()
	return in.ledger.Append(ctx, e, b.bytes)
}

// nobody is the Observer where there is none.
type nobody struct{}

func (nobody) Accepted(string)  {}
func (nobody) Duplicate(string) {}
func (nobody) Rejected(Reason)  {}
