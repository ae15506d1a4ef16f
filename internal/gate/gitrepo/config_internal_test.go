package gitrepo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfigAsGit: a configuration file says to us what it says to git.
func TestConfigAsGit(t *testing.T) {
	for _, text := range []string{
		"", "[core]\n\tbare = false\n", "[user] name = ann", "[a]b=c", "[A]B=C # x\n;y\nc\n", "[a \"b]\"] c = d\n[e] f = g",
		"[a]\nb = \" c \" d  \n", "[a]\nb = c\\\n d\n", "[a]\r\nb = c\r\n", "[a] b = \"c;d\" ; e",
		"[a]\r\nb = \"c\\\r\n d\"\r\n", "[a]\nb = \"\\t\\\"\"\n",
		"\ufeff[extensions]\nobjectFormat=sha256", "[a]\nb\n", "[a]\nb = c d", "b = c", "[a\nb = c",
		"[a] b = \"c\n\"", "[a]\nb c\n", "[a]\nb = \\x\n",
	} {
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, gitErr := exec.Command("git", "config", "--file", file, "--null", "--list").Output()
		want := ""
		for one := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			key, value, set := strings.Cut(one, "\n")
			if !set {
				value = "true"
			}
			if one != "" && strings.Count(key, ".") < 2 {
				want += fmt.Sprintf("%s=%q ", key, value)
			}
		}
		got := ""
		settings, err := parseConfig(text)
		for _, s := range settings {
			got += fmt.Sprintf("%s=%q ", strings.TrimPrefix(s.section+"."+s.key, "."), s.value)
		}
		if (err == nil) != (gitErr == nil) || err == nil && got != want {
			t.Errorf("%q: got %s(%v), git has %s(%v)", text, got, err, want, gitErr)
		}
	}
}
