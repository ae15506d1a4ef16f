package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// full makes the tests that go by chance run all their rounds (make crash).
var full = flag.Bool("full", false, "run all rounds, not a few")

// TestMain runs the tests, or what a test asked of another process.
func TestMain(m *testing.M) {
	if address := os.Getenv("STORE_TEST_LEDGER"); address != "" {
		if err := appendAll(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func appendAll(address string) error {
	key, err := ledger.ParseKey(secret.New(os.Getenv("STORE_TEST_KEY")))
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(os.Getenv("STORE_TEST_COUNT"))
	if err != nil {
		return err
	}
	l, err := store.Open(context.Background(), store.Options{Address: address, Key: key})
	if err != nil {
		return err
	}
	defer l.Close()
	var (
		all sync.WaitGroup
		mu  sync.Mutex
	)
	for g := range 8 {
		all.Go(func() {
			for i := range count {
				id := fmt.Sprintf("%s-%d-%d", os.Getenv("STORE_TEST_NAME"), g, i)
				if _, appended := l.Append(context.Background(), entry(id), body(id)); appended != nil {
					err = appended
					return
				}
				mu.Lock()
				fmt.Println(id)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return err
}

// other makes the command of another process that appends to the ledger.
func other(t *testing.T, o store.Options, name string, count int) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program)
	c.Env = append(os.Environ(), "STORE_TEST_LEDGER="+o.Address, "STORE_TEST_KEY="+o.Key.Private().Reveal(),
		"STORE_TEST_COUNT="+strconv.Itoa(count), "STORE_TEST_NAME="+name)
	c.Stderr = os.Stderr
	return c
}

// TestProcesses lets three processes, two of them making the file at the same
// moment, write to one ledger: one sequence and one tree come of it.
func TestProcesses(t *testing.T) {
	o := store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t)}
	const count = 60
	var all sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		c := other(t, o, name, count)
		all.Go(func() {
			if err := c.Run(); err != nil {
				t.Errorf("process %s: %v", name, err)
			}
		})
	}
	l := open(t, o)
	kept := map[string]bool{}
	for i := range 100 {
		id := fmt.Sprint("own-", i)
		add(t, l, id)
		kept[id] = true
	}
	all.Wait()
	for _, name := range []string{"a", "b"} {
		for g := range 8 {
			for i := range count {
				kept[fmt.Sprintf("%s-%d-%d", name, g, i)] = true
			}
		}
	}
	holds(t, l, kept)
	if size, _, err := l.Head(t.Context()); err != nil || size != int64(len(kept)) {
		t.Errorf("%d entries, want %d, %v", size, len(kept), err)
	}
	checkTree(t, l, o)
}

// TestOpenBesideAWriter: a ledger that is there is opened without the write lock, which
// others can have for longer than an open waits.
func TestOpenBesideAWriter(t *testing.T) {
	o := store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t)}
	if err := open(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+o.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	writer, err := db.Conn(t.Context())
	if err == nil {
		_, err = writer.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := store.Open(t.Context(), o)
	if _, failed := writer.ExecContext(t.Context(), "ROLLBACK"); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	defer l.Close()
	add(t, l, "after")
}

// TestKilled kills a process in the middle of its work, and opens what it left.
func TestKilled(t *testing.T) {
	o := store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t)}
	kept := map[string]bool{}
	for round := range 5 {
		c := other(t, o, fmt.Sprint("round-", round), 1<<20)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for n := 0; ; n++ {
			if n == 400 {
				if err := c.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			line, err := lines.ReadString('\n')
			if err != nil {
				break
			}
			kept[strings.TrimSpace(line)] = true
		}
		_ = c.Wait()
	}
	start := time.Now()
	l := open(t, o)
	t.Logf("opened %d entries in %v", len(kept), time.Since(start))
	add(t, l, "after")
	holds(t, l, kept)
	checkTree(t, l, o)
}
