package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/record/api"
	"github.com/goldfish-inc/fluxkeeper/internal/record/durable"
	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// serveCmd runs the receiver until it is asked to stop.
type serveCmd struct {
	signed
	listing
	Reconcile         time.Duration `placeholder:"TIME" help:"How often to reconcile with what GitHub sent, such as 10m (default: never)."`
	Listen            string        `default:":8080" placeholder:"ADDRESS" help:"Where GitHub's deliveries come in: POST /webhooks/github."`
	AdminListen       string        `default:"127.0.0.1:8081" placeholder:"ADDRESS" help:"The private listener: metrics, health, proofs."`
	WebhookSecretFile []string      `placeholder:"FILE" help:"A live webhook secret; several during a rotation. It may change any time."`
	AllowHook         []int64       `placeholder:"ID" help:"Take deliveries of these hooks only."`
	AllowTarget       []string      `placeholder:"TARGET" help:"Take deliveries of these targets only, such as repository/1296269."`
	AllowNetwork      []string      `placeholder:"CIDR" help:"Take deliveries from these networks only; github stands for its own."`
	Proxy             []string      `placeholder:"CIDR" help:"Believe the X-Forwarded-For of proxies in these networks."`
	Repeats           int           `default:"50" placeholder:"N" help:"Take so many equal bodies an hour of a webhook; 0 for any number."`
	NewLedger         bool          `help:"Make a SQLite ledger for a signing key that is there already."`
	MetricsListen     string        `placeholder:"ADDRESS" help:"Another listener, for metrics and health alone (default: none)."`
	ReadTokenFile     string        `placeholder:"FILE" help:"Let who has this token read through the private listener."`
	WriteTokenFile    string        `placeholder:"FILE" help:"Let who has this token append through the private listener (default: nobody)."`
	CheckpointFile    string        `placeholder:"FILE" help:"Keep checkpoints; start only with what fits (default: beside the ledger)."`
	CheckpointEvery   time.Duration `default:"1m" placeholder:"TIME" help:"How often."`
	Drain             time.Duration `default:"12s" placeholder:"TIME" help:"How long requests in flight may take when asked to stop."`
	LogFormat         string        `default:"auto" enum:"auto,text,json" placeholder:"FORMAT" help:"auto (text on a terminal), text or json."`
	LogLevel          slog.Level    `default:"info" placeholder:"LEVEL" help:"debug, info (default), warn or error."`
}

const (
	// secretsEvery is how often the files of the secrets are read again.
	secretsEvery = 10 * time.Second
	// remindEvery is how often the rotations on record are looked at.
	remindEvery = time.Hour
	// refusedEvery is how often an entry says what was refused.
	refusedEvery = time.Hour
	// lastWrite is how long the last entry and checkpoint may take at the end.
	lastWrite = 5 * time.Second
)

// Run serves until the context ends, then lets requests in flight finish.
func (c *serveCmd) Run(a *console.Console) error {
	signal.Ignore(syscall.SIGPIPE) // that nobody reads the log any more is no reason to stop
	// Nor is a hangup: what is sent while a receiver stops may get no answer.
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	s, err := c.prepare(a)
	if err != nil {
		return err
	}
	s.asked = asked
	seen, err := c.seen(s.log)
	if err != nil {
		return err
	}
	if _, err = c.key(s.log); err != nil { // there from now on
		return err
	}
	release, err := c.lease(false)
	if err != nil {
		return err
	}
	defer release()
	if s.kept, err = c.open(a.Context, store.Options{Log: s.log, Observe: s.metrics, Seen: seen, Repeats: c.Repeats}); err != nil {
		return err
	}
	defer s.kept.Close()
	s.anchorless(a.Context, seen)
	s.in, err = intake.New(intake.Options{Ledger: s.kept, Secrets: s.secrets, SecretID: s.kept.SecretID, Bound: s.bound, Allow: s.allow,
		Log: s.log, Observe: s.metrics})
	if err != nil {
		return console.Fail(console.StatusUsage, err, "")
	}
	public, err := listen(a.Context, "--listen", c.Listen)
	if err != nil {
		return err
	}
	limited := intake.Limit(public, intake.Limits{Allow: s.allow, Observe: s.metrics.Closed})
	s.metrics.Watch(metric.Gauges{
		QueuedBytes: func() int64 { return s.kept.Stats().QueuedBytes },
		Ready:       s.kept.Ready,
		Connections: limited.Open,
		Saturated:   limited.Saturated,
		Entries: func(ctx context.Context) (int64, error) {
			size, _, err := s.kept.Head(ctx)
			return size, err
		},
	})
	private, err := listen(a.Context, "--admin-listen", c.AdminListen)
	if err != nil {
		return errors.Join(err, public.Close())
	}
	var measured net.Listener
	if c.MetricsListen != "" {
		if measured, err = listen(a.Context, "--metrics-listen", c.MetricsListen); err != nil {
			return errors.Join(err, public.Close(), private.Close())
		}
		s.log.Info("serving metrics", "address", measured.Addr().String())
	}
	remind := rotation.Reminder{Metrics: s.metrics, Log: s.log, Ledger: s.kept}
	remind.Look(a.Context, time.Now())
	s.log.Info("serving", "version", a.Version, "listen", public.Addr().String(), "admin", private.Addr().String(),
		"ledger", secret.Redact(c.Ledger), "secrets", len(s.live))

	group, ctx := errgroup.WithContext(a.Context)
	intake.Serve(ctx, group, intake.Server(s.in.Handler(), s.log), limited, c.Drain)
	s.answer(ctx, group, private, measured, limited.Saturated)
	s.start(ctx, group, &remind)
	err = group.Wait()
	late, cancel := context.WithTimeout(context.WithoutCancel(a.Context), lastWrite)
	defer cancel()
	s.keepRefused(late)
	s.writeCheckpoint(late)
	if err != nil {
		s.log.Error("stopped", "error", err)
		return err
	}
	s.log.Info("stopped")
	return nil
}

// answer serves the private listener, and that for metrics where there is one.
func (s *service) answer(ctx context.Context, group *errgroup.Group, private, measured net.Listener, saturated func() bool) {
	o := api.Options{
		Ledger: s.kept, Metrics: s.metrics.Handler(), Log: s.log, LoopbackOnly: api.Loopback(private.Addr()),
		Operations: operations(s.kept), WriteToken: s.writeToken, ReadToken: s.readToken, Saturated: saturated,
	}
	if !o.LoopbackOnly && s.readToken.Empty() {
		s.log.Warn("the admin listener is not on loopback: nobody may read the ledger through it, only metrics and health",
			"hint", "have who reads it send a token: --read-token-file")
	}
	intake.Serve(ctx, group, api.Server(api.New(o), s.log), private, s.Drain)
	if measured != nil {
		o.Operations, o.ReadToken, o.LoopbackOnly = nil, secret.Secret{}, false // so that nobody may read
		intake.Serve(ctx, group, api.Server(api.New(o), s.log), measured, s.Drain)
	}
}

// service is what a running receiver is made of.
type service struct {
	*serveCmd
	log      *slog.Logger
	asked    <-chan os.Signal // to read the files of the secrets again
	live     []secret.Secret  // as the files have them
	bound    []string         // what each is for; "" for all
	secrets  *intake.Secrets
	client   *hooks.Client // nil where GitHub is not asked
	allow    intake.Allow
	networks *hooks.Networks // nil where they stay as they are
	metrics  *metric.Metrics
	kept     *store.Ledger
	in       *intake.Intake

	writeToken secret.Secret // empty where nobody may append through the private listener
	readToken  secret.Secret // empty where whoever is on this machine may read
}

// prepare makes what can be wrong before the ledger is opened.
func (c *serveCmd) prepare(a *console.Console) (*service, error) {
	if c.CheckpointEvery <= 0 || c.Reconcile < 0 || c.Drain < 0 || c.Repeats < 0 {
		return nil, console.Fail(console.StatusUsage,
			errors.New("--checkpoint-every has to be more than 0, --reconcile, --drain and --repeats must not be less"), "")
	}
	s := &service{serveCmd: c, log: a.Log(c.LogFormat, c.LogLevel), metrics: metric.New(a.Version)}
	var err error
	if s.live, err = readSecrets(c.WebhookSecretFile); err != nil {
		return nil, err
	}
	if s.secrets, err = intake.NewSecrets(s.live...); err != nil {
		return nil, console.Fail(console.StatusUsage, err, "")
	}
	warnTyped(s.log, c.WebhookSecretFile, s.live)
	if s.writeToken, err = tokenOf(c.WriteTokenFile, "write"); err != nil {
		return nil, err
	}
	if s.readToken, err = tokenOf(c.ReadTokenFile, "read"); err != nil {
		return nil, err
	}
	for _, given := range c.WebhookSecretFile {
		to, _ := bound(given)
		s.bound = append(s.bound, to)
	}
	if s.client, err = c.asker(a, s.log); err != nil {
		return nil, err
	}
	s.allow, s.networks, err = c.allow(a.Context, s.client)
	return s, err
}

// start begins what is done from time to time, until the context ends.
func (s *service) start(ctx context.Context, group *errgroup.Group, remind *rotation.Reminder) {
	task := func(do func()) { group.Go(func() error { do(); return nil }) }
	task(func() {
		read := func() ([]secret.Secret, error) { return readSecrets(s.WebhookSecretFile) }
		s.secrets.Follow(ctx, secretsEvery, s.asked, read, s.log, func(live []secret.Secret) { warnTyped(s.log, s.WebhookSecretFile, live) })
	})
	task(func() { remind.Follow(ctx, time.Tick(remindEvery)) })
	task(func() { releaseMemory(ctx) })
	if s.CheckpointFile != "" {
		task(func() { s.keepCheckpoint(ctx) })
	}
	if s.networks != nil {
		task(func() {
			s.networks.Follow(ctx, func(err error) {
				s.log.Error("ask GitHub for the networks of its webhooks", "error", err, "hint", text.HintOf(err))
			})
		})
	}
	if s.Reconcile > 0 {
		r := s.reconciler(s.client, s.kept)
		r.Keep = s.kept.Keep
		task(func() { r.Follow(ctx, s.Reconcile, awaiting(s.kept.Await), s.metrics, s.log) })
	}
	task(func() {
		for github.Sleep(ctx, refusedEvery) == nil {
			s.keepRefused(ctx)
		}
	})
}

func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, console.Fail(console.StatusUsage, err, "give another address with "+flag)
	}
	return l, nil
}

// seen is the last checkpoint. The file that was named for it is refused where it
// cannot be written.
func (c *serveCmd) seen(log *slog.Logger) ([]byte, error) {
	if err := cmp.Or(c.check(), c.lost()); err != nil {
		return nil, err
	}
	name := cmp.Or(c.CheckpointFile, c.checkpointFile())
	err := durable.Writable(name)
	if err != nil && c.CheckpointFile != "" {
		return nil, console.Fail(console.StatusUsage, fmt.Errorf("write checkpoint: %w", err),
			"name a file that can be written with --checkpoint-file")
	}
	if err == nil {
		c.CheckpointFile = name
	}
	seen, err := lastCheckpoint(name)
	if err == nil && len(seen) > 0 && c.NewLedger && c.gone() {
		aside := name + now().Format(".20060102T150405Z")
		log.Warn("a new ledger is begun, and the last checkpoint of the one before is kept", "file", aside)
		return nil, os.Rename(name, aside)
	}
	return seen, err
}

// gone says that there is no file of a ledger.
func (c *serveCmd) gone() bool {
	_, err := os.Stat(c.Ledger)
	return !c.postgres() && errors.Is(err, fs.ErrNotExist)
}

// lost refuses a key whose ledger is gone, such as with a volume: an empty one in its
// place would look as if nothing had ever come in.
func (c *serveCmd) lost() error {
	if _, noKey := os.Stat(c.keyFile()); c.NewLedger || noKey != nil || !c.gone() {
		return nil
	}
	return console.Fail(console.StatusUsage, fmt.Errorf("open ledger: its signing key is there, and the ledger is not: %s", c.Ledger),
		"name the ledger with --ledger, or put a backup there; --new-ledger makes a new one for this key")
}

// keepCheckpoint writes the newest checkpoint now and then, until the context ends.
func (s *service) keepCheckpoint(ctx context.Context) {
	for {
		s.writeCheckpoint(ctx)
		if github.Sleep(ctx, s.CheckpointEvery) != nil {
			return
		}
	}
}

// writeCheckpoint writes the newest checkpoint to its file, whole or not at all.
func (s *service) writeCheckpoint(ctx context.Context) {
	if s.CheckpointFile == "" {
		return
	}
	signed, err := s.kept.Checkpoint(ctx)
	if err == nil {
		err = durable.Replace(s.CheckpointFile, signed, 0o644)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("write checkpoint", "file", s.CheckpointFile, "error", err)
	}
}

// keepRefused puts on record how many deliveries were not taken, since their bodies
// came too often.
func (s *service) keepRefused(ctx context.Context) {
	refused, some := s.in.Refused()
	if !some {
		return
	}
	body, err := json.Marshal(refused)
	if err == nil {
		_, err = s.kept.Append(ctx, ledger.Entry{Kind: ledger.Refusal, Version: ledger.RefusedVersion, Time: now(),
			ID: refused.From.Format(time.RFC3339Nano), Name: "deliveries"}, body)
	}
	if err != nil {
		s.in.Unrecorded(refused)
		s.log.Error("put on record what was refused", "error", err)
	}
}

// anchorless says where nothing can show that the ledger is an older copy.
func (s *service) anchorless(ctx context.Context, seen []byte) {
	if size, _, err := s.kept.Head(ctx); err == nil && size > 0 && len(seen) == 0 {
		s.log.Warn("no checkpoint of an earlier run is there: an older copy in the ledger's place would not be noticed",
			"file", s.CheckpointFile, "hint", "name a file elsewhere with --checkpoint-file")
	}
}
