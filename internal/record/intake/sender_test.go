package intake_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
)

// TestRealSender takes what GitHub's own JavaScript library signs and sends:
// every example delivery that GitHub publishes, for all its products.
func TestRealSender(t *testing.T) {
	folder := sender(t)
	kept := &memory{}
	to := serve(t, handler(t, intake.Options{Ledger: kept}))
	command := exec.Command("node", filepath.Join(folder, "send.mjs"), "http://"+to+"/webhooks/github")
	command.Env = append(os.Environ(), "SECRET="+key)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("send the examples: %v", err)
	}
	type one struct{ event, hash string }
	got := map[string]one{}
	for i, r := range kept.records {
		got[r.ID] = one{r.Name, fmt.Sprintf("%x", sha256.Sum256(kept.bodies[i]))}
	}
	sent := 0
	for line := range strings.Lines(string(out)) {
		var guid, status string
		var want one
		if _, err := fmt.Sscan(line, &guid, &want.event, &want.hash, &status); err != nil {
			t.Fatalf("read %q: %v", line, err)
		}
		sent++
		if status != "202" {
			t.Errorf("%s: answer %s", guid, status)
		} else if got[guid] != want {
			t.Errorf("%s: kept %v, sent %v", guid, got[guid], want)
		}
	}
	if sent < 329 || kept.count() != sent {
		t.Errorf("%d examples sent, %d kept", sent, kept.count())
	}
	t.Logf("%d examples", sent)
}

// sender installs the sender's libraries where they outlive the test, by the
// hash of the lock file, and gives the folder.
func sender(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing", tool)
			}
			t.Skipf("%s is missing: install Node.js and npm", tool)
		}
	}
	files := map[string][]byte{}
	for _, name := range []string{"package.json", "package-lock.json", "send.mjs"} {
		data, err := os.ReadFile(filepath.Join("testdata", "sender", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	lock := sha256.Sum256(files["package-lock.json"])
	folder := filepath.Join(cache, "fluxkeeper", fmt.Sprintf("sender-%x", lock[:8]))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ready := filepath.Join(folder, "ready")
	if _, err := os.Stat(ready); err == nil {
		return folder
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("install the sender: %v\n%s", err, out)
		}
		t.Skipf("GitHub's sender is missing: npm must reach its registry: %v\n%s", err, out)
	}
	if err := os.WriteFile(ready, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}
