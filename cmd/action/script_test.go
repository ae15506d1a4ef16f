package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

var update = flag.Bool("update", false, "write the expected output in the stories anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fluxkeeper": main})
}

// TestScript runs the stories under testdata/script. Besides testscript's own
// commands they use those below.
func TestScript(t *testing.T) {
	root, err := filepath.Abs("../..")
	must(t, err)
	leaktest.Stories(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Setenv("DEMO", filepath.Join(root, "examples", "demo", "demo.bundle"))
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			env.Setenv("TZ", "UTC")
			env.Setenv("ESCAPE", "\x1b[31mred")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  storytest.Exits,
			"commit": commit,
			"json":   jsonField,
			"fits":   storytest.Fits,
			"hide":   hide,
			"shows":  shows,
		},
	})
}

// people sign the stories' commits.
var people = map[string][2]string{
	"flux": {"fluxcdbot", "fluxcdbot@users.noreply.github.com"},
	"ann":  {"Ann", "ann@example.com"},
}

// commit WHO MESSAGE: everything in the current folder, by Flux's bot or Ann.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || people[args[0]][0] == "" {
		ts.Fatalf("usage: commit flux|ann MESSAGE")
	}
	who := people[args[0]]
	ts.Check(ts.Exec("git", "add", "-A"))
	ts.Check(ts.Exec("git", "-c", "user.name="+who[0], "-c", "user.email="+who[1], "commit", "-q", "-m", args[1]))
}

// json FILE PATH VALUE: the JSON in the file has this value at the path, such
// as updates.0.from. VALUE is JSON, or the bare text of a string.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var at any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &at))
	for _, key := range strings.Split(args[1], ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if ts.Check(err); i >= len(v) {
				ts.Fatalf("%s has %d elements", args[1], len(v))
			}
			at = v[i]
		default:
			ts.Fatalf("there is no %s", args[1])
		}
	}
	got, err := json.Marshal(at)
	ts.Check(err)
	if text, ok := at.(string); ok {
		got = []byte(text)
	}
	if (string(got) == args[2]) == neg {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// hide FILE TEXT: adds the text to the file's first comment, after U+0085,
// which ends the comment for YAML and not for a diff.
func hide(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hide FILE TEXT")
	}
	file := ts.MkAbs(args[0])
	lines := strings.Split(ts.ReadFile(args[0]), "\n")
	i := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, "# ") })
	if i < 0 {
		ts.Fatalf("%s has no comment", args[0])
	}
	lines[i] = fmt.Sprintf("%s\u0085%s", lines[i], args[1])
	ts.Check(os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
}

// shows PAGE: the page shows what the last command printed.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shows PAGE")
	}
	if !strings.Contains(ts.ReadFile(args[0]), strings.TrimSpace(ts.ReadFile("stdout"))) {
		ts.Fatalf("%s does not show this output", args[0])
	}
}
