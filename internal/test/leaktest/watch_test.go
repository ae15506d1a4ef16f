package leaktest_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

func TestWatch(t *testing.T) {
	c := &leaktest.Complaints{On: t}
	var on strings.Builder
	for name, w := range map[string]struct {
		printed string
		excuses []leaktest.Excuse
	}{
		"well":          {"all is well\n", nil},
		"log":           {"one\nstored " + leaktest.Token("log") + "\n", nil},
		"masked":        {"::add-mask::" + leaktest.Token("mask") + "\nwell\n", []leaktest.Excuse{leaktest.Masks}},
		"masked badly":  {"\n::add-mask::" + leaktest.Token("mask") + " and more\n", []leaktest.Excuse{leaktest.Masks}},
		"masked late":   {"::add-mask::" + leaktest.Token("mask") + "\n" + leaktest.Token("mask"), []leaktest.Excuse{leaktest.Masks}},
		"nobody's mask": {"::add-mask::" + leaktest.Token("mask") + "\n", nil},
	} {
		out := leaktest.Watch(c, name, &on, w.excuses...)
		for _, b := range []byte(w.printed) { // in pieces
			if _, err := out.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Expect("log: line 2 holds a token of GitHub", "log: line 2 holds a secret of the tests",
		"masked badly: line 2 holds a token of GitHub", "masked badly: line 2 holds a secret of the tests",
		"masked late: line 2 holds a token of GitHub", "masked late: line 2 holds a secret of the tests",
		"nobody's mask: line 1 holds a token of GitHub", "nobody's mask: line 1 holds a secret of the tests")
	if !strings.Contains(on.String(), "all is well") {
		t.Error("what was written is not handed on")
	}
}

func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work")
	put := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("input", leaktest.Secret, 0o644)
	put("changed", leaktest.Secret, 0o644)
	given, err := leaktest.Give(dir)
	if err != nil {
		t.Fatal(err)
	}
	put("changed", "more\n"+leaktest.Secret, 0o644)
	put("kept", "ghp_kept\n", 0o600)
	put("open", "ghp_open\n", 0o644)
	put("more", "ghp_more and more\n", 0o600)
	put("a/b/report.json", `{"p":"`+base64.StdEncoding.EncodeToString([]byte("ghp_packed"))+`"}`, 0o644)
	put("c/ghp_name", "nothing", 0o644)
	c := &leaktest.Complaints{On: t}
	leaktest.Files(c, dir, given)
	c.Expect("work/changed: line 2 holds a secret of the tests", "work/open: line 1 holds a token of GitHub",
		"work/more: line 1 holds a token of GitHub",
		"work/a/b/report.json: line 1 holds a token of GitHub in base64", "the name of a file: line 1 holds a token of GitHub")
	c = &leaktest.Complaints{On: t}
	leaktest.Files(c, filepath.Join(dir, "missing"), nil)
	c.Expect("look for secrets: ")
}

// plantedVariable makes this test program fail, as it must.
const plantedVariable = "LEAKTEST_PLANTED"

// TestStories runs stories that leak, as a process of its own, since they fail.
func TestStories(t *testing.T) {
	if os.Getenv(plantedVariable) != "" {
		leaktest.Stories(t, testscript.Params{Dir: "testdata/planted", Setup: func(env *testscript.Env) error {
			env.Setenv("SECRET", leaktest.Secret)
			return nil
		}}, leaktest.Masks)
		return
	}
	for story, want := range map[string]string{
		"stdout": "the story's log: line ", "stderr": "the story's log: line ", "background": "the story's log: line ",
		"file":   "script-file/left: line 1 holds a secret of the tests",
		"folder": "script-folder/a/b: line 1 holds a secret of the tests in base64",
		"well":   "--- PASS: TestStories/well ",
	} {
		command := exec.Command(os.Args[0], "-test.run=^TestStories$/^"+story+"$", "-test.v")
		command.Env = append(os.Environ(), plantedVariable+"=1")
		printed, err := command.CombinedOutput()
		if (err == nil) != (story == "well") || !strings.Contains(string(printed), want) {
			t.Errorf("%s: %v, no %q in\n%s", story, err, want, leaktest.Redact(string(printed)))
		}
		if leaks := leaktest.Find(printed); len(leaks) > 0 {
			t.Errorf("%s: what it printed is not redacted: %v", story, leaks)
		}
	}
}
