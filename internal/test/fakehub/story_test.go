package fakehub_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// story is what the tests below put on a hub.
func story(dir string) string {
	quoted, err := json.Marshal(dir)
	if err != nil {
		panic(err)
	}
	return `{
  "repos": [{"dir": ` + string(quoted) + `, "owner": "goldfish-inc", "name": "oceanid", "id": 1234}],
  "accounts": [{"login": "fluxbot", "id": 77}],
  "tokens": {"ghp_bot": {"kind": "classic", "account": "fluxbot", "scopes": ["repo"]}},
  "pulls": [{"repo": "goldfish-inc/oceanid", "head": "flux-image-updates", "title": "Update", "author": "fluxbot"}],
  "pushes": [{"repo": "goldfish-inc/oceanid", "ref": "flux-image-updates", "after": "flux-image-updates", "actor": "fluxbot"}],
  "signatures": [{"repo": "goldfish-inc/oceanid", "sha": "flux-image-updates", "reason": "valid"}],
  "comments": [{"repo": "goldfish-inc/oceanid", "number": 1, "author": "fluxbot", "body": "hello"}],
  "faults": [{"on": "pulls/get", "status": 502, "delay": "1ms"}],
  "flaws": [{"repo": "goldfish-inc/oceanid", "object": "main", "truncated": true}],
  "latency": "1ms"
}`
}

func TestStoryNamesNothingUnknown(t *testing.T) {
	if _, err := fakehub.ReadStory([]byte(`{"pull": []}`)); err == nil || !strings.Contains(err.Error(), `unknown field "pull"`) {
		t.Errorf("got %v", err)
	}
}

// TestProgram builds the program and uses it as a test in a container would.
func TestProgram(t *testing.T) {
	w := newWorld(t, fakehub.Options{}) // only for its repository
	dir := t.TempDir()
	bin := filepath.Join(dir, "fakehub")
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	write := filepath.Join(dir, "story.json")
	if err := os.WriteFile(write, []byte(story(w.dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		requests []string
		status   int
		want     []string
	}{
		"all well": {[]string{"/repos/goldfish-inc/oceanid/pulls/1", "/repos/goldfish-inc/oceanid/pulls/1",
			"/repos/goldfish-inc/oceanid/git/trees/main", "/user"}, 0, []string{"GET /user → 200", "pulls/1 → 502", "pulls/1 → 200"}},
		"a problem": {[]string{"/nothing"}, 1, []string{"GET /nothing → 404"}},
	} {
		t.Run(what, func(t *testing.T) {
			log, state := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "state")
			cmd := exec.Command(bin, "-story", write, "-log", log, "-state", state)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			w.URL = strings.TrimSpace(line)
			for _, path := range test.requests {
				w.send("GET", path, "", "Authorization", "token ghp_bot")
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); (err == nil) != (test.status == 0) || cmd.ProcessState.ExitCode() != test.status {
				t.Errorf("ended with %d, want %d", cmd.ProcessState.ExitCode(), test.status)
			}
			data, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(string(data), want) {
					t.Errorf("log lacks %q:\n%s", want, data)
				}
			}
			if data, err = os.ReadFile(state); err != nil || !strings.Contains(string(data), `"Title": "Update"`) ||
				!strings.Contains(string(data), "comment by fluxbot") {
				t.Errorf("state: %s, %v", data, err)
			}
		})
	}
}
