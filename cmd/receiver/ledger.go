package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const defaultLedger = "fluxkeeper.db"

// where names a ledger on the command line.
type where struct {
	Ledger string `default:"${ledger}" placeholder:"WHERE" help:"A SQLite file, or a URL postgres://…."`
}

// postgres says whether the ledger is a server's.
func (w where) postgres() bool {
	return strings.HasPrefix(w.Ledger, "postgres://") || strings.HasPrefix(w.Ledger, "postgresql://")
}

// check refuses what can be no ledger, before a key or a file is made for it.
// What could be a mistyped address is not told, since it may hold a password.
func (w where) check() error {
	const hint = "name the ledger with --ledger; `fluxkeeper-receiver serve` makes one"
	switch {
	case w.postgres():
		return nil
	case w.Ledger == "":
		return console.Fail(console.StatusUsage, errors.New("open ledger: no ledger is named"), hint)
	case strings.Contains(w.Ledger, "://") || strings.Contains(w.Ledger, "password=") || strings.Contains(w.Ledger, "host="):
		return console.Fail(console.StatusUsage, errors.New("open ledger: the address is neither a file nor a URL postgres://…"),
			"write postgres://user@host:5432/database")
	}
	info, err := os.Stat(w.Ledger)
	if err == nil && info.IsDir() {
		return console.Fail(console.StatusUsage, fmt.Errorf("open ledger: %q is a folder", w.Ledger), "name a file in it with --ledger")
	}
	return nil
}

// read opens the ledger to look at it.
func (w where) read(ctx context.Context) (*store.Ledger, error) { return w.readAs(ctx, "") }

// readAs opens the ledger to hold it against a public key; without one against that
// which the ledger names.
func (w where) readAs(ctx context.Context, public string) (*store.Ledger, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	seen, err := lastCheckpoint(w.checkpointFile())
	if err != nil {
		return nil, err
	}
	l, err := store.Open(ctx, store.Options{Address: w.Ledger, ReadOnly: true, Public: public, Seen: seen})
	return l, w.refusal(err)
}

// with opens the ledger to look at it, and closes it afterwards.
func (w where) with(ctx context.Context, do func(*store.Ledger) error) error {
	l, err := w.read(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	return do(l)
}

// refusal tells wrong usage from trouble: a file that is not there is the former.
func (w where) refusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, store.ErrNoLedger):
		return console.Fail(console.StatusUsage, err, "name the ledger with --ledger; `fluxkeeper-receiver serve` makes one")
	case errors.Is(err, store.ErrRewritten):
		return console.Fail(console.StatusFail, err,
			"look with `fluxkeeper-receiver verify --checkpoint FILE`; to go on with a backup that you put back yourself, move away the file "+
				"that --checkpoint-file names (by default the name of the ledger, or of PostgreSQL's key file, and .checkpoint)")
	case errors.Is(err, store.ErrOtherKey):
		return console.Fail(console.StatusUsage, err, "")
	}
	return console.Fail(console.StatusUndecided, err, cmp.Or(text.HintOf(err),
		"check that --ledger names the ledger, and who may read and write it"))
}

// signed is a ledger that is opened to be written, with the key that signs it.
type signed struct {
	where
	SigningKeyFile string `placeholder:"FILE" help:"The key that signs checkpoints; made if missing (default: the ledger's name and .key)."`
}

// open opens the ledger to write to it.
func (s signed) open(ctx context.Context, o store.Options) (*store.Ledger, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	key, err := s.key(o.Log)
	if err != nil {
		return nil, err
	}
	o.Address, o.Key = s.Ledger, key
	l, err := store.Open(ctx, o)
	return l, s.refusal(err)
}

// hold opens a ledger that must be there, and its key, which it has alone until end:
// what is named wrongly is not made. The key comes first, since whoever opens a ledger
// to write may change its tables, under a receiver of another version.
func (s signed) hold(ctx context.Context, o store.Options) (l *store.Ledger, end func(), err error) {
	if err := s.with(ctx, func(*store.Ledger) error { return nil }); err != nil {
		return nil, nil, err
	}
	release, err := s.lease(true)
	if err != nil {
		return nil, nil, err
	}
	if o.Seen, err = lastCheckpoint(s.checkpointFile()); err == nil {
		l, err = s.open(ctx, o)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return l, func() { _ = l.Close(); release() }, nil
}

// checkpointFile is where serve keeps the newest checkpoint, if it is not told
// another place: beside the ledger, or beside the key where that is a server's.
func (s signed) checkpointFile() string {
	return cmp.Or(s.where.checkpointFile(), s.keyFile()+".checkpoint")
}

// checkpointFile is empty for a server's ledger, which does not name its key file.
func (w where) checkpointFile() string {
	if w.postgres() {
		return ""
	}
	return w.Ledger + ".checkpoint"
}

// lastCheckpoint is the checkpoint that serve wrote last, out of which the ledger
// must have grown; nil where there is none.
func lastCheckpoint(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, console.Fail(console.StatusUsage, fmt.Errorf("read checkpoint: %w", err), "")
	}
	return text, nil
}

// keyed opens a ledger whose key must be there: a new one would not be its own, and
// be left lying about.
func (s signed) keyed(ctx context.Context, o store.Options) (*store.Ledger, error) {
	if _, err := os.Stat(s.keyFile()); errors.Is(err, fs.ErrNotExist) {
		return nil, noKey(err)
	}
	return s.open(ctx, o)
}

// noKey is that a key which must be there is not.
func noKey(err error) error {
	return console.Fail(console.StatusUsage, fmt.Errorf("read signing key: %w", err),
		"name the key file that the ledger was made with, with --signing-key-file")
}

// keyFile is where the signing key is.
func (s signed) keyFile() string {
	if s.postgres() {
		return cmp.Or(s.SigningKeyFile, "fluxkeeper.key")
	}
	return cmp.Or(s.SigningKeyFile, s.Ledger+".key")
}

// key reads the signing key, and makes one where there is none.
func (s signed) key(log *slog.Logger) (ledger.Key, error) {
	name := s.keyFile()
	key, err := store.ReadKey(name)
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			err = console.Fail(console.StatusUsage, err, "")
		}
		return key, err
	}
	// A key that was lost is not to be found replaced.
	if info, err := os.Stat(s.Ledger); err == nil && !s.postgres() && info.Size() > 0 {
		return key, console.Fail(console.StatusUsage,
			fmt.Errorf("read signing key: the ledger is there, and its signing key is not: %s", name),
			"name the key file that the ledger was made with, with --signing-key-file")
	}
	if key, err = store.MakeKey(name); err != nil {
		return key, console.Fail(console.StatusUsage, err, "name a file that can be written with --signing-key-file")
	}
	if log != nil {
		log.Info("made a signing key: keep its public half elsewhere, to verify the ledger with", "file", name, "public_key", key.Public())
	}
	return key, nil
}

// now is the clock, as precise as a ledger keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
