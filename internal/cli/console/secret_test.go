package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
)

// TestReadSecret: one line break at the end is the editor's, everything else the
// secret's; what is too long to be one is refused.
func TestReadSecret(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "\n": "", "a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", " a ": " a ", "a\nb": "a\nb", strings.Repeat("x", 16<<10): strings.Repeat("x", 16<<10),
	} {
		c := console.Console{World: console.World{Stdin: strings.NewReader(text)}}
		if got, err := c.ReadSecret("token"); err != nil || got.Reveal() != want {
			t.Errorf("%.20q: %.20q, %v", text, got.Reveal(), err)
		}
		name := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := console.ReadSecretFile(name); err != nil || got.Reveal() != want {
			t.Errorf("file %.20q: %.20q, %v", text, got.Reveal(), err)
		}
	}
	long := strings.Repeat("secret!", 3_000)
	c := console.Console{World: console.World{Stdin: strings.NewReader(long)}}
	if got, err := c.ReadSecret("token"); err == nil || !got.Empty() || strings.Contains(err.Error(), "secret!") {
		t.Errorf("too long: %v", err)
	}
	if got, err := (&console.Console{}).ReadSecret("token"); err != nil || !got.Empty() {
		t.Errorf("no standard input: %v", err)
	}
}

// TestOneLine: outside text is shown on one line, and without what looks secret.
func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"a\n\tb ": "a b", "read postgres://u:p@ss@db/x\n: EOF": "read postgres://***@db/x : EOF", "Bearer\n 0123456789": "Bearer ***", "ghp_abc": "ghp_***",
	} {
		if got := console.OneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
