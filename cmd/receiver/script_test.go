package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

var update = flag.Bool("update", false, "write the expected output in the stories anew")

// scriptSecret signs the stories' deliveries; their file webhook-secret holds it.
const scriptSecret = leaktest.Secret

// TestScript runs the stories under testdata/script. Besides testscript's own
// commands they use those below.
func TestScript(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	leaktest.Stories(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			tb, ok := env.T().(testing.TB)
			if !ok {
				return fmt.Errorf("set up: %T is no test", env.T())
			}
			env.Values[testKey{}] = tb
			env.Defer(func() { ledgers(tb, env.WorkDir) })
			env.Setenv("TZ", "UTC")
			env.Setenv("ROOT", root)
			return os.WriteFile(filepath.Join(env.WorkDir, "webhook-secret"), []byte(scriptSecret+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   storytest.Exits,
			"fits":    storytest.Fits,
			"serve":   serveInStory,
			"halt":    haltInStory,
			"deliver": deliverInStory,
			"get":     getInStory,
			"rotated": rotatedInStory,
			"erased":  erasedInStory,
			"logged":  loggedInStory,
		},
	})
}

// testKey is where a story keeps its test.
type testKey struct{}

// stories are the receivers that stories started last.
var stories sync.Map

// serve [ARG...]: starts a receiver in the background; $URL and $ADMIN are where
// it listens.
func serveInStory(ts *testscript.TestScript, neg bool, args []string) {
	tb, _ := ts.Value(testKey{}).(testing.TB)
	program, err := exec.LookPath("fluxkeeper-receiver")
	ts.Check(err)
	command := exec.Command(program, append([]string{
		"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--webhook-secret-file", "webhook-secret", "--log-format", "json",
	}, args...)...)
	command.Dir = ts.MkAbs(".")
	p, err := launch(tb, command, ts.Logf)
	ts.Check(err)
	ts.Defer(func() { p.stop(syscall.SIGKILL) })
	ts.Setenv("URL", p.url)
	ts.Setenv("ADMIN", strings.TrimPrefix(p.admin, "http://"))
	ts.Setenv("PID", strconv.Itoa(p.command.Process.Pid))
	stories.Store(ts, p)
}

// halt: asks the receiver to stop, which must end well.
func haltInStory(ts *testscript.TestScript, neg bool, args []string) {
	p, ok := stories.Load(ts)
	if !ok {
		ts.Fatalf("no receiver runs")
	}
	p.(*process).stop(syscall.SIGTERM)
	if status := p.(*process).command.ProcessState.ExitCode(); status != 0 {
		ts.Fatalf("the receiver ended with status %d", status)
	}
}

// deliver STATUS EVENT GUID FILE: sends a signed delivery of hook 4711.
func deliverInStory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: deliver STATUS EVENT GUID FILE")
	}
	p := payload{event: args[1], body: []byte(ts.ReadFile(args[3]))}
	status, err := send(http.DefaultClient, ts.Getenv("URL"), scriptSecret, p, args[2])
	ts.Check(err)
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("status %d, want %s", status, args[0])
	}
}

// rotated STEP AGO ENDS OLD NEW: puts a step of a rotation on record, so long ago,
// of a token that ends so far ahead (behind, with -; never, where it is 0).
func rotatedInStory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: rotated STEP AGO ENDS OLD NEW")
	}
	ago, err := time.ParseDuration(args[1])
	ts.Check(err)
	ends, err := time.ParseDuration(args[2])
	ts.Check(err)
	now := time.Now().UTC().Truncate(time.Microsecond)
	r := rotation.Record{
		Step: rotation.Step(args[0]), Time: now.Add(-ago), By: "ada", Server: "https://api.github.com/",
		Repositories: []string{"goldfish-inc/oceanid"}, Old: args[3], New: args[4],
		Places: []rotation.Place{{Where: "esc goldfish-inc/oceanid/prod github.token", Revision: "8", Before: "7"}},
	}
	if ends != 0 {
		r.Expires = now.Add(ends)
	}
	ts.Check(putOnRecord(context.Background(), ts.MkAbs("fluxkeeper.db"), r))
}

// putOnRecord appends a step of a rotation to a ledger, which it makes if there is none.
func putOnRecord(ctx context.Context, ledger string, r rotation.Record) error {
	l, err := signed{where: where{ledger}}.open(ctx, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(r.Keep(ctx, l.Keep), l.Close())
}

// erased N: erases all bodies, of which there are N, as if a long time had passed.
func erasedInStory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: erased N")
	}
	l, err := signed{where: where{ts.MkAbs("fluxkeeper.db")}}.keyed(context.Background(), store.Options{})
	ts.Check(err)
	defer l.Close()
	bodies, err := l.Erasable(context.Background(), time.Now())
	ts.Check(err)
	erased, err := l.Erase(context.Background(), time.Now(), audit.Keep)
	ts.Check(err)
	if bodies != erased || strconv.FormatInt(erased, 10) != args[0] {
		ts.Fatalf("%d of %d bodies erased, want %s", erased, bodies, args[0])
	}
}

// [!] logged TEXT: the receiver that was halted logged it.
func loggedInStory(ts *testscript.TestScript, neg bool, args []string) {
	p, ok := stories.Load(ts)
	if !ok || len(args) != 1 {
		ts.Fatalf("usage: logged TEXT, after halt")
	}
	if strings.Contains(strings.Join(p.(*process).lines, "\n"), args[0]) == neg {
		ts.Fatalf("logged %q: %v", args[0], !neg)
	}
}

// get STATUS PATH: asks the private listener; the answer is standard output.
func getInStory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: get STATUS PATH")
	}
	answer, err := http.Get("http://" + ts.Getenv("ADMIN") + args[1])
	ts.Check(err)
	defer answer.Body.Close()
	if strconv.Itoa(answer.StatusCode) != args[0] {
		ts.Fatalf("status %d, want %s", answer.StatusCode, args[0])
	}
	_, err = io.Copy(ts.Stdout(), answer.Body)
	ts.Check(err)
}
