package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/console"
	"github.com/goldfish-inc/fluxkeeper/internal/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/store"
)

// watched runs the program in this process, as run does, and fails the test where
// what it prints holds a secret.
func watched(t testing.TB, w console.World, args []string) int {
	w.Stdout, w.Stderr = leaktest.Watch(t, "stdout", w.Stdout), leaktest.Watch(t, "stderr", w.Stderr)
	return run(w, args)
}

// ledgers looks at the ledgers in a folder, whatever their files are called.
func ledgers(t testing.TB, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, file := range files {
		path := filepath.Join(dir, file.Name())
		data, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(data, []byte("SQLite format 3\x00")) {
			continue // a folder, or something else
		}
		if _, err := searched(t, path); err != nil {
			t.Logf("%s was spoiled; only its bytes are looked at: %v", file.Name(), err)
		}
	}
}

// searched looks for secrets in every row of a ledger, and says how many there
// are.
func searched(t testing.TB, address string) (rows int, err error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	l, err := store.Open(ctx, store.Options{Address: address, ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer l.Close()
	for r, err := range l.Records(ctx, ledger.Query{}) {
		if err != nil {
			return rows, err
		}
		rows++
		body, err := l.Body(ctx, r.Index)
		if err != nil && !errors.Is(err, ledger.ErrErased) {
			return rows, err
		}
		where := fmt.Sprintf("entry %d", r.Index)
		leaktest.Text(t, where, fmt.Appendln(nil, r.Kind, r.Source, r.ID, r.Name, r.Target))
		leaktest.Text(t, where+"'s body", body)
	}
	checkpoint, _, err := l.KeptCheckpoint(ctx)
	leaktest.Text(t, "the checkpoint", checkpoint)
	return rows, err
}
