package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// block takes the database's write lock, as another program might, and gives
// what lets go of it.
func block(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _, _ = conn.Close(), db.Close() })
}

// await asks until it is told yes.
func await(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !yes(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestLockedByAnother(t *testing.T) {
	told := &lockedLog{}
	o := store.Options{
		Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t), Hold: 200 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(told, nil)), Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
	l := open(t, o)
	add(t, l, "before")
	release := block(t, o.Address)
	defer release()
	_, err := l.Append(t.Context(), entry("meanwhile"), body("meanwhile"))
	if !errors.Is(err, ledger.ErrUnavailable) {
		t.Fatalf("while another holds the lock: %v", err)
	}
	await(t, "the fault to show", func() bool { return l.Ready(t.Context()) != nil })
	if _, err := l.Body(t.Context(), 0); err != nil {
		t.Errorf("reading must go on: %v", err)
	}
	release()
	await(t, "the ledger to be ready", func() bool { return l.Ready(t.Context()) == nil })
	add(t, l, "after")
	checkTree(t, l, o)
	// It was tried again and again, and told once.
	for _, line := range []string{"the ledger takes nothing, trying again", "the ledger takes entries again"} {
		if n := strings.Count(told.String(), line); n != 1 {
			t.Errorf("told %d times that %s:\n%s", n, line, told)
		}
	}
}

// lockedLog is what a log was told.
type lockedLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestHeldUntilTheFaultPasses(t *testing.T) {
	l, o := newLedger(t)
	release := block(t, o.Address)
	defer release()
	done := make(chan error)
	go func() {
		_, err := l.Append(context.WithoutCancel(t.Context()), entry("held"), body("held"))
		done <- err
	}()
	await(t, "the fault to show", func() bool { return l.Stats().Broken != nil })
	release()
	if err := <-done; err != nil {
		t.Errorf("an entry that could wait was refused: %v", err)
	}
}

func TestQueuedBytesAreBounded(t *testing.T) {
	o := store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t), Hold: 300 * time.Millisecond, Queue: 16 << 10}
	l := open(t, o)
	release := block(t, o.Address)
	defer release()
	var all sync.WaitGroup
	refused := make(chan error, 64)
	for i := range 64 {
		all.Go(func() {
			id := fmt.Sprint("guid-", i)
			_, err := l.Append(t.Context(), entry(id), body(id))
			refused <- err
		})
	}
	await(t, "the queue to fill", func() bool { return l.Stats().QueuedBytes > o.Queue/2 })
	if s := l.Stats(); s.QueuedBytes > o.Queue {
		t.Errorf("%d bytes wait, more than %d", s.QueuedBytes, o.Queue)
	}
	all.Wait()
	for range 64 {
		if err := <-refused; !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("without room, and with a lock on it: %v", err)
		}
	}
	release()
	await(t, "the ledger to be ready", func() bool { return l.Ready(t.Context()) == nil })
	await(t, "the queue to empty", func() bool { return l.Stats().QueuedBytes == 0 })
	add(t, l, "after")
}

func TestCallerGivesUp(t *testing.T) {
	l, o := newLedger(t)
	release := block(t, o.Address)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := l.Append(ctx, entry("impatient"), body("impatient"))
	if !errors.Is(err, ledger.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// holds checks that each of these deliveries is there, once.
func holds(t *testing.T, l *store.Ledger, kept map[string]bool) {
	t.Helper()
	found := map[string]int{}
	for r, err := range l.Records(t.Context(), ledger.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		found[r.ID]++
		if got, err := l.Body(t.Context(), r.Index); err != nil || string(got) != string(body(r.ID)) {
			t.Errorf("body of %s: %v", r.ID, err)
		}
	}
	for id := range kept {
		if found[id] != 1 {
			t.Errorf("%s was acknowledged, and is there %d times", id, found[id])
		}
	}
}
