package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// TestReadSecret: a secret is one line, wherever it is read from. Line breaks at the
// end are the editor's, everything else on the line is the secret's.
func TestReadSecret(t *testing.T) {
	const several, none, long = "has several lines", "is empty", "too long"
	for text, c := range map[string]struct{ want, refusal string }{
		"a": {want: "a"}, "a\n": {want: "a"}, "a\r\n": {want: "a"}, "a\n\n": {want: "a"}, " a ": {want: " a "},
		"aVERY\nb": {refusal: several}, "\naVERY": {refusal: several}, "aVERY\rb": {refusal: several}, "aVERY\n\nb\n": {refusal: several},
		"": {refusal: none}, "\n": {refusal: none}, "\r\n\r\n": {refusal: none},
		strings.Repeat("x", 16<<10): {want: strings.Repeat("x", 16<<10)}, strings.Repeat("VERY", 4<<10) + "x": {refusal: long},
	} {
		check := func(from string, got secret.Secret, err error) {
			t.Helper()
			switch {
			case c.refusal == none && from != "file":
				if err != nil || !got.Empty() {
					t.Errorf("%s %.20q: %v", from, text, err)
				}
			case c.refusal != "":
				if err == nil || !strings.Contains(err.Error(), c.refusal) || strings.Contains(err.Error(), "VERY") || !got.Empty() {
					t.Errorf("%s %.20q: %v, want %q", from, text, err, c.refusal)
				}
			case err != nil || got.Reveal() != c.want:
				t.Errorf("%s %.20q: %v", from, text, err)
			}
		}
		w := console.Console{World: console.World{Stdin: strings.NewReader(text), Environment: func(string) (string, bool) { return text, true }}}
		got, err := w.ReadSecret("token")
		check("standard input", got, err)
		if c.refusal != long { // the environment has its own bound
			got, err = w.Secret("", "TOKEN")
			check("environment", got, err)
		}
		name := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err = w.Secret(name, "TOKEN")
		check("file", got, err)
	}
	if got, err := (&console.Console{}).ReadSecret("token"); err != nil || !got.Empty() {
		t.Errorf("no standard input: %v", err)
	}
	if _, err := console.ReadSecretFile(filepath.Join(t.TempDir(), "none")); err == nil || !strings.HasPrefix(err.Error(), "read secret: ") {
		t.Errorf("no file: %v", err)
	}
}

// TestReadKeyFile: a key in PEM has several lines.
func TestReadKeyFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	const key = "-----BEGIN KEY-----\nAA==\n-----END KEY-----\n"
	if err := os.WriteFile(name, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := console.ReadKeyFile(name); err != nil || got.Reveal() != key {
		t.Error(err)
	}
}

// TestOneLine: outside text is shown on one line, and without what looks secret.
func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"a\n\tb ": "a b", "read postgres://u:p@ss@db/x\n: EOF": "read postgres://***@db/x : EOF", "Bearer\n 0123456789": "Bearer ***",
		"ghp_abc": "ghp_***",
	} {
		if got := console.OneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
