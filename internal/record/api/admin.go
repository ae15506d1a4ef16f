package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/proof"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Ledger is what the listener reads.
type Ledger interface {
	Records(context.Context, ledger.Query) iter.Seq2[ledger.Record, error]
	Body(ctx context.Context, index int64) ([]byte, error)
	Find(ctx context.Context, hash string) (ledger.Record, error)
	Prove(ctx context.Context, index int64) (proof.Inclusion, error)
	Checkpoint(context.Context) ([]byte, error)
	PublicKey(context.Context) (string, error)
	Ready(context.Context) error
}

// Options are what New needs.
type Options struct {
	Ledger  Ledger
	Metrics http.Handler
	Log     *slog.Logger
	// LoopbackOnly refuses requests for other hosts than this machine's loopback
	// addresses, so that no web page can have a browser read the listener by a
	// name that it lets point there (DNS rebinding).
	LoopbackOnly bool
	// Operations are what POST /api/v1/NAME does for whoever has the write token;
	// where that is empty, for nobody.
	Operations Operations
	WriteToken secret.Secret
	// ReadToken is what who reads the ledger has to have. Where it is empty, anybody may
	// on this machine's loopback addresses, and elsewhere nobody.
	ReadToken secret.Secret
	// Saturated says that deliveries find no room but that of others; nil: never.
	Saturated func() bool
}

// server holds what the handlers share.
type server struct {
	ledger     Ledger
	log        *slog.Logger
	writeToken secret.Secret
	saturated  func() bool
	strangers  rate.Sometimes // how often a line in the log tells of one
}

// New makes the listener's handler.
func New(o Options) http.Handler {
	s := &server{ledger: o.Ledger, log: o.Log, writeToken: o.WriteToken, saturated: o.Saturated,
		strangers: rate.Sometimes{Interval: time.Second}}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard)
	e.HTTPErrorHandler = s.refuse
	if o.LoopbackOnly {
		e.Use(loopbackHost)
	}
	e.GET("/healthz", func(c echo.Context) error { return c.JSON(http.StatusOK, map[string]string{"status": "ok"}) })
	e.GET("/readyz", s.ready)
	if o.Metrics != nil {
		e.GET("/metrics", echo.WrapHandler(o.Metrics))
	}
	api, may := e.Group("/api/v1"), s.reads(o.ReadToken, o.LoopbackOnly)
	api.GET("/entries", s.entries, may)
	api.GET("/entries/:entry", s.of(s.entry), may)
	api.GET("/entries/:entry/body", s.of(s.body), may)
	api.GET("/proof/:entry", s.of(s.proof), may)
	api.GET("/checkpoint", s.checkpoint, may)
	api.GET("/key", s.key, may)
	for name, do := range o.Operations {
		api.POST("/"+name, s.operation(do))
	}
	return e
}

// reads is a middleware: who reads the ledger has to have the token.
func (s *server) reads(token secret.Secret, loopback bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			switch {
			case token.Empty() && !loopback:
				return c.JSON(http.StatusForbidden, told{"from elsewhere nobody may read the ledger", "start it with --read-token-file"})
			case !token.Empty() && !holds(c, token):
				s.strangers.Do(func() {
					s.log.Warn("refused: this takes the read token", "path", c.Path(), "from", c.Request().RemoteAddr)
				})
				return c.JSON(http.StatusUnauthorized, told{"this is not the receiver's read token",
					"send what the receiver's --read-token-file holds: Authorization: Bearer TOKEN"})
			}
			return next(c)
		}
	}
}

// loopbackHost is a middleware: the request's host must be this machine.
func loopbackHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		host := c.Request().Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		address, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if host != "localhost" && (err != nil || !address.IsLoopback()) {
			return echo.NewHTTPError(http.StatusMisdirectedRequest, "this listener answers for localhost alone")
		}
		return next(c)
	}
}

// refuse answers an error: one of ours in its words, any other in a fixed
// sentence, with the cause in the log.
func (s *server) refuse(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status, message := http.StatusInternalServerError, "the ledger could not be read; the log says why"
	known, ok := errors.AsType[*echo.HTTPError](err)
	switch {
	case ok:
		status, message = known.Code, fmt.Sprint(known.Message)
	case errors.Is(err, ledger.ErrNotFound):
		status, message = http.StatusNotFound, "there is no such entry"
	case errors.Is(err, ledger.ErrErased):
		status, message = http.StatusGone, "the body was erased; the entry and its proof are still there"
	default:
		s.log.Error("answer request", "path", c.Path(), "error", err)
	}
	_ = c.JSON(status, map[string]string{"error": message})
}

func (s *server) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), 4*time.Second)
	defer cancel()
	if err := s.ledger.Ready(ctx); err != nil {
		return c.JSON(http.StatusServiceUnavailable, map[string]string{"status": "not ready", "reason": err.Error()})
	}
	status := map[string]string{"status": "ready"}
	if s.saturated != nil && s.saturated() {
		status["connections"] = "saturated" // another one would be no better off
	}
	return c.JSON(http.StatusOK, status)
}

// Entry is one entry as the API shows it.
type Entry struct {
	Index int64 `json:"index"`
	// ID is the hash of the entry's leaf.
	ID      string      `json:"id"`
	Kind    ledger.Kind `json:"kind"`
	Version int64       `json:"version"`
	Time    time.Time   `json:"time"`
	Source  string      `json:"source,omitempty"`
	// GUID is the sender's own name for it.
	GUID      string `json:"guid"`
	Name      string `json:"name,omitempty"`
	Target    string `json:"target,omitempty"`
	Signature string `json:"signature,omitempty"`
	Secret    string `json:"secret,omitempty"`
	SHA256    string `json:"sha256"`
	Size      int64  `json:"size"`
}

// EntryOf shows a record.
func EntryOf(r ledger.Record) Entry {
	hash := r.Hash()
	return Entry{
		Index: r.Index, ID: hex.EncodeToString(hash[:]), Kind: r.Kind, Time: r.Time, Source: r.Source, GUID: r.ID, Name: r.Name,
		Version: r.Version, Target: r.Target, Signature: r.Signature, Secret: r.Secret, SHA256: hex.EncodeToString(r.BodyHash[:]),
		Size: r.BodySize,
	}
}

// page is the answer of /entries. Next is the start of the next page, or its end where
// the newest come first.
type page struct {
	Entries []Entry `json:"entries"`
	Next    *int64  `json:"next,omitempty"`
}

func (s *server) entries(c echo.Context) error {
	query, err := parseQuery(c)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	limit := query.Limit
	query.Limit++ // one more tells whether there is a next page
	out := page{Entries: []Entry{}}
	for record, err := range s.ledger.Records(c.Request().Context(), query) {
		if err != nil {
			return err
		}
		if len(out.Entries) == limit {
			if out.Next = &record.Index; query.Newest {
				out.Next = &out.Entries[limit-1].Index
			}
			break
		}
		out.Entries = append(out.Entries, EntryOf(record))
	}
	return c.JSON(http.StatusOK, out)
}

// of finds what the path names: an index, or an entry's id.
func (s *server) of(answer func(echo.Context, ledger.Record) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, name := c.Request().Context(), c.Param("entry")
		if len(name) == 64 {
			record, err := s.ledger.Find(ctx, name)
			if err != nil {
				return err
			}
			return answer(c, record)
		}
		index, err := strconv.ParseInt(name, 10, 64)
		if err != nil || index < 0 {
			return echo.NewHTTPError(http.StatusBadRequest, "an entry is named by its index, or by the 64 hexadecimal digits of its id")
		}
		for record, err := range s.ledger.Records(ctx, ledger.Query{Start: index, End: index + 1}) {
			if err != nil {
				return err
			}
			return answer(c, record)
		}
		return ledger.ErrNotFound
	}
}

func (s *server) entry(c echo.Context, record ledger.Record) error {
	return c.JSON(http.StatusOK, EntryOf(record))
}

// body gives the bytes as they came in. They are outside text: a browser that
// opens the address must neither show nor guess them.
func (s *server) body(c echo.Context, record ledger.Record) error {
	body, err := s.ledger.Body(c.Request().Context(), record.Index)
	if err != nil {
		return err
	}
	header := c.Response().Header()
	header.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="entry-%d"`, record.Index))
	header.Set("X-Content-Type-Options", "nosniff")
	return c.Blob(http.StatusOK, "application/octet-stream", body)
}

func (s *server) proof(c echo.Context, record ledger.Record) error {
	inclusion, err := s.ledger.Prove(c.Request().Context(), record.Index)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, inclusion)
}

func (s *server) checkpoint(c echo.Context) error {
	signed, err := s.ledger.Checkpoint(c.Request().Context())
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, signed)
}

func (s *server) key(c echo.Context) error {
	public, err := s.ledger.PublicKey(c.Request().Context())
	if err != nil {
		return err
	}
	return c.String(http.StatusOK, public+"\n")
}
