package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Options say where the ledger is and how to treat it. Address is needed, all
// else has a default.
type Options struct {
	// Address is the path of a SQLite file, or a URL postgres://….
	Address string
	// Key signs the checkpoints. Without one the ledger is opened for reading.
	Key ledger.Key
	// ReadOnly opens a ledger that exists, and changes nothing in it.
	ReadOnly bool
	// Public is the key that what is read must be signed with; by default the one that
	// the ledger names.
	Public string
	// Hold is how long an append waits for a ledger that takes nothing at the
	// moment; 8 s by default, because GitHub waits 10 s and does not come back.
	Hold time.Duration
	// Seen is a signed checkpoint that was kept outside of the ledger; may be nil.
	// A ledger that did not grow out of it is not opened for writing, and has a gap for
	// who reads it.
	Seen []byte
	// Queue is how many bytes of bodies, as they are stored, may wait at the same
	// time; 256 MiB by default.
	Queue int64
	// Repeats is how many deliveries with the same body are taken of one hook in an
	// hour; any number by default.
	Repeats int
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Log is told of faults; nowhere by default.
	Log *slog.Logger
	// Observe is told of every commit; nobody by default.
	Observe Observer
}

const (
	defaultHold  = 8 * time.Second
	defaultQueue = 256 << 20
)

// ErrReadOnly says that the ledger was opened for reading.
var ErrReadOnly = errors.New("the ledger is opened for reading only")

// What is wrong with the place or the key that were given.
var (
	// ErrNoLedger says that there is something else in the ledger's place.
	ErrNoLedger = errors.New("this is not a ledger")
	// ErrOtherKey says that the ledger was made with another key.
	ErrOtherKey = errors.New("this is not the ledger's key")
)

// engine is what the two databases do each in their own way.
type engine interface {
	// retry runs what has to succeed at the start, again and again while that may
	// help and Hold is not over.
	retry(ctx context.Context, do func(context.Context) error) error
	// commit keeps the items in one transaction and fills in their receipts. It
	// returns nil only when they are durable. With another error than a transient
	// one it is unknown whether they were kept.
	commit(ctx context.Context, items []*item) error
	// transient says whether the same items may be tried again: nothing of them
	// was kept, and the database is sound.
	transient(err error) bool
	// recover opens again what an error may have broken; nil only when it works.
	recover(ctx context.Context) error
	// probe writes something durable: a new checkpoint.
	probe(ctx context.Context) error
	// change runs do, once, in a durable transaction that nobody else writes
	// beside: for what is neither an append nor a probe.
	change(ctx context.Context, do func(changer) error) error
	// reader answers questions, and holds up no writer.
	reader() *sql.DB
	close() error
}

// changer is a connection inside a transaction.
type changer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Ledger is an open ledger. It may be used by many goroutines, and one ledger
// may be open in many processes: there is one sequence all the same.
type Ledger struct {
	o      Options
	engine engine
	public string
	seen   witness

	quota  *semaphore.Weighted // bytes that may wait
	queue  chan *item          // of two commits: the garbage collector looks through all of it
	probes chan chan error
	faults chan error    // that show outside of a commit
	ended  chan struct{} // closed when nothing is written any more
	stop   context.CancelFunc
	outage outage // the writer's

	pack   packer
	bodies bodies // the writer's

	queued      atomic.Int64 // entries on their way, and how much they hold
	queuedBytes atomic.Int64
	size        atomic.Int64          // entries, after the last commit
	committed   atomic.Int64          // when a commit was last durable, UnixMicro
	broken      atomic.Pointer[error] // why nothing is taken at the moment
}

// Open opens the ledger, and makes it where there is none and it may be
// written. A ledger that belongs to another key is refused.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	o = withDefaults(o)
	l := &Ledger{
		o: o, outage: newOutage(o), quota: semaphore.NewWeighted(o.Queue), queue: make(chan *item, 2*maxBatch),
		probes: make(chan chan error), faults: make(chan error, 1), ended: make(chan struct{}), bodies: bodies{limit: o.Repeats},
	}
	if err := l.openEngine(ctx); err != nil {
		return nil, err
	}
	if err := l.engine.retry(ctx, l.identify); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), l.engine.close())
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	if !o.ReadOnly {
		l.committed.Store(o.Now().UnixMicro())
		go l.write(background)
	} else {
		close(l.ended)
	}
	return l, nil
}

// identify finds out whose ledger it is, and whether it grew out of what was
// signed before.
func (l *Ledger) identify(ctx context.Context) error {
	public, err := l.PublicKey(ctx)
	if err != nil {
		return err
	}
	if own := l.o.Key.Public(); own != "" && own != public {
		return fmt.Errorf("%w: it belongs to the key %q, not to %q: give the key file that it was made with, or another place for a new ledger",
			ErrOtherKey, public, own)
	}
	l.public = cmp.Or(l.o.Public, public)
	size, _, err := l.Head(ctx)
	l.size.Store(size)
	if l.o.ReadOnly {
		return nil // who only reads may be Verify, to say what is wrong
	}
	if err != nil {
		return err
	}
	return l.anchor(ctx)
}

func (l *Ledger) openEngine(ctx context.Context) (err error) {
	if strings.HasPrefix(l.o.Address, "postgres://") || strings.HasPrefix(l.o.Address, "postgresql://") {
		l.engine, err = openPostgres(ctx, l.o, &l.seen, &l.bodies)
		return err
	}
	l.engine, err = openSQLite(ctx, l.o, &l.seen, &l.bodies, l.report)
	return err
}

func withDefaults(o Options) Options {
	if o.Key.Public() == "" {
		o.ReadOnly = true
	}
	o.Hold, o.Queue = cmp.Or(o.Hold, defaultHold), cmp.Or(o.Queue, defaultQueue)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = nobody{}
	}
	return o
}

// Close waits for what is being written and closes the database. Appends that
// still wait get ErrUnavailable.
func (l *Ledger) Close() error {
	l.stop()
	<-l.ended
	return l.engine.close()
}

// Keep is Append for who needs no receipt.
func (l *Ledger) Keep(ctx context.Context, e ledger.Entry, body []byte) error {
	_, err := l.Append(ctx, e, body)
	return err
}

// Ready is nil only if the ledger takes entries: the last commit was durable,
// and not long ago, or else something is written now to find out.
func (l *Ledger) Ready(ctx context.Context) error {
	if l.o.ReadOnly {
		_, _, err := l.Head(ctx)
		return err
	}
	if cause := l.broken.Load(); cause != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, *cause)
	}
	if age := l.o.Now().Sub(time.UnixMicro(l.committed.Load())); 0 <= age && age < fresh {
		return nil
	}
	answer := make(chan error, 1)
	select {
	case l.probes <- answer:
	case <-ctx.Done():
		return fmt.Errorf("%w: the last commit takes long: %w", ledger.ErrUnavailable, ctx.Err())
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: a probe takes long: %w", ledger.ErrUnavailable, ctx.Err())
	}
}

// fresh is how long a commit says that the ledger takes entries.
const fresh = 5 * time.Second

// report tells the writer of a fault outside of a commit.
func (l *Ledger) report(err error) {
	select {
	case l.faults <- err:
	default:
	}
}
