package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// TestFullDisk needs a file system of its own, which only root can make.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("mount tmpfs: %v: run it as root on Linux", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	o := store.Options{Address: filepath.Join(dir, "ledger.db"), Key: newKey(t), Hold: 300 * time.Millisecond}
	l := open(t, o)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for i := 0; ; i++ {
		id := fmt.Sprint("guid-", i)
		_, err := l.Append(t.Context(), entry(id), body(id))
		if errors.Is(err, ledger.ErrUnavailable) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept[id] = true
	}
	await(t, "the fault to show", func() bool { return l.Ready(t.Context()) != nil })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	await(t, "the ledger to be ready", func() bool { return l.Ready(t.Context()) == nil })
	add(t, l, "after")
	holds(t, l, kept)
	checkTree(t, l, o)
}

// TestWriteErrors makes the disk fail by forbidding this process files past a
// size, which is an I/O error to SQLite, and then lets it heal.
func TestWriteErrors(t *testing.T) {
	if !alone(t) {
		return
	}
	o := store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t), Hold: 300 * time.Millisecond}
	l := open(t, o)
	kept := map[string]bool{}
	for i := range 20 {
		id := fmt.Sprint("before-", i)
		add(t, l, id)
		kept[id] = true
	}
	// One who reads what was there before keeps nobody from recovering.
	reader, err := sql.Open("sqlite", "file:"+o.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	old, err := reader.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Rollback() //nolint:errcheck // it only reads
	entries := func() (n int) {
		if err := old.QueryRowContext(t.Context(), `SELECT count(*) FROM entry`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := entries(); n != 20 {
		t.Fatalf("%d entries", n)
	}
	add(t, l, "behind the reader")
	kept["behind the reader"] = true
	heal := limitFiles(t, 4096) // less than a page: nothing can be written, nothing recovered
	_, refused := l.Append(t.Context(), entry("meanwhile"), body("meanwhile"))
	if !errors.Is(refused, ledger.ErrUnavailable) || !strings.Contains(refused.Error(), "I/O") {
		t.Errorf("the disk fails: %v", refused)
	}
	if err := l.Ready(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("ready, although nothing can be written: %v", err)
	}
	if _, err := l.Body(t.Context(), 0); err != nil {
		t.Errorf("reading must go on: %v", err)
	}
	heal()
	await(t, "the ledger to be ready", func() bool { return l.Ready(t.Context()) == nil })
	add(t, l, "after")
	if n := entries(); n != 20 {
		t.Errorf("the reader sees %d entries", n)
	}
	holds(t, l, kept)
	checkTree(t, l, o)
}

// alone runs a test in a process of its own, and says whether this is it: go test keeps
// a file of what a test process opens, which it could not write meanwhile.
func alone(t *testing.T) bool {
	t.Helper()
	const mark = "STORE_TEST_ALONE"
	if os.Getenv(mark) != "" {
		return true
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), mark+"=1")
	if out, err := command.CombinedOutput(); err != nil || !bytes.HasPrefix(out, []byte("PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// limitFiles lets this process write no file past the size.
func limitFiles(t *testing.T, size uint64) (heal func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	heal = sync.OnceFunc(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	})
	t.Cleanup(heal)
	return heal
}
