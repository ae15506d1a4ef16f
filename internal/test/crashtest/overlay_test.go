//go:build linux

package crashtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// overlay writes what go build -overlay reads: the source of the ledger and the intake with other
// texts in the place of some, each of which must be there. So a receiver can be
// made that breaks its promise, and the real one needs no way to be told to.
func overlay(t *testing.T, oldnew ...string) string {
	t.Helper()
	dir := t.TempDir()
	changes := struct{ Replace map[string]string }{map[string]string{}}
	var files []string
	for _, folder := range []string{"store", "intake"} {
		found, err := filepath.Glob("../../record/" + folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	found := map[string]bool{}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for i := 0; i < len(oldnew); i += 2 {
			found[oldnew[i]] = found[oldnew[i]] || strings.Contains(text, oldnew[i])
			text = strings.ReplaceAll(text, oldnew[i], oldnew[i+1])
		}
		if text == string(data) {
			continue
		}
		original, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		changes.Replace[original] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(changes.Replace[original], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !found[oldnew[i]] {
			t.Fatalf("the source no longer has %q", oldnew[i])
		}
	}
	text, err := json.Marshal(changes)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
