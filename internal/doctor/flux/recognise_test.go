package flux_test

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// logs gives the recorded logs, or skips.
func logs(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(sharedtest.Path(t, "flux-e2e", "logs", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const (
	url      = "https://github.com/goldfish-inc/oceanid.git"
	checkout = "failed to checkout source: unable to clone '" + url + "': "
	push     = "failed to update source: failed to push to remote: "
	revision = "failed to checkout and determine revision: "
)

// TestRecognise maps failure texts, as Flux, git and GitHub print them, to
// their causes.
func TestRecognise(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "lines.txt"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for block := range strings.SplitSeq(string(data), "\n\n") {
		var lines []string
		for line := range strings.Lines(strings.TrimSpace(block) + "\n") {
			if !strings.HasPrefix(line, "# ") {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
		if len(lines) < 2 {
			continue
		}
		want := lines[0]
		for _, line := range lines[1:] {
			ran++
			text := strings.NewReplacer("CHECKOUT ", checkout, "PUSH ", push, "REVISION ", revision, `\n`, "\n").Replace(line)
			t.Run(fmt.Sprintf("%s/%d", want, ran), func(t *testing.T) {
				got, ok := flux.Recognise(text)
				name := cmp.Or(string(got.Stage), "?") + " " + got.Name
				if !ok {
					name = "-"
				}
				if name != want {
					t.Errorf("%q is %q, want %q", text, name, want)
				}
				if ok && (got.Problem == "" || got.Fix == "" || got.Evidence == "") {
					t.Errorf("%q lacks words: %+v", text, got)
				}
				if _, known := finding.Lookup(got.Rule); ok && !known {
					t.Errorf("%q is no rule", got.Rule)
				}
				inLine, ok := flux.Recognise(inJSON(text))
				if inLine.Name != got.Name || inLine.Stage != got.Stage || ok != (want != "-") {
					t.Errorf("in a line of JSON it is %q, %v", inLine.Name, ok)
				}
			})
		}
	}
	if ran < 90 {
		t.Errorf("only %d lines", ran)
	}
}

// TestRecogniseReported has texts of which people said that they found no cause.
func TestRecogniseReported(t *testing.T) {
	for text, name := range map[string]string{
		"unknown error: ERROR: The key you are authenticating with has been marked as read only.":          "write-denied",
		push + "unknown error: remote: ERROR: This deploy key does not have write access to this project.": "write-denied",
		"authorization failed":                                                  "read-denied",
		checkout + "http2: client connection lost":                              "server-down",
		push + "write tcp 10.0.0.1:41234->140.82.121.4:443: write: broken pipe": "server-down",
		"failed to checkout source: failed to create temporary directory: mkdir /tmp/x: no space left on device":         "disk",
		"failed to checkout source: open /tmp/x/.git/config: read-only file system":                                      "disk",
		push + "reference has changed concurrently":                                                                      "branch-moved",
		push + "command error on refs/heads/x: incorrect old value provided":                                             "branch-moved",
		push + "command error on refs/heads/f/x: cannot lock ref 'refs/heads/f/x': 'refs/heads/f' exists; cannot create": "branch-name-taken",
		checkout + "remote: Sorry. Your account was suspended. error: 403":                                               "account-suspended",
		push + "remote: This repository has been locked. error: 403":                                                     "repository-locked",
		"could not refresh installation id 1's token: 401 'Expiration time' claim ('exp') is too far in the future":      "clock",
	} {
		if got, _ := flux.Recognise(text); got.Name != name {
			t.Errorf("%q is %q, want %s", text, got.Name, name)
		}
	}
}

// inJSON is a text as Flux logs it.
func inJSON(text string) string {
	return fmt.Sprintf(`{"level":"error","ts":"2026-11-22T20:22:24.905Z","msg":"Reconciler error","controllerKind":"ImageUpdateAutomation",`+
		`"namespace":"flux-system","name":"app","reconcileID":"1","error":%q}`, text)
}

// TestRecordedLogs holds every line that real controllers wrote against what
// the recording was made to show: an error has a cause, and nothing else has.
func TestRecordedLogs(t *testing.T) {
	want := map[string]map[string]int{
		"image-automation-controller.json.log": {
			"token-rejected": 12, "repository-not-found": 22, "write-denied": 16, "protected-branch": 18, "workflow-scope": 18,
			"hook-declined": 24, "secret-missing": 22, "source-missing": 26, "server-down": 14,
		},
		"image-reflector-controller.json.log": nil, // only that all is recognised
	}
	for name, want := range want {
		t.Run(name, func(t *testing.T) {
			got := map[string]int{}
			for lines := bufio.NewScanner(bytes.NewReader(logs(t, name))); lines.Scan(); {
				line, ok := flux.ParseLine(lines.Text())
				cause, found := flux.Recognise(lines.Text())
				if ok && found != (line.Level == "error") {
					t.Errorf("recognised is %v: %s", found, lines.Text())
				}
				if !ok && found {
					t.Errorf("recognised %s: %s", cause.Name, lines.Text())
				}
				if found {
					got[cause.Name]++
				}
			}
			for cause, n := range want {
				if got[cause] != n {
					t.Errorf("%s %d times, want %d", cause, got[cause], n)
				}
			}
			if want != nil && len(got) != len(want) {
				t.Errorf("causes are %v", got)
			}
		})
	}
}

// TestNoFailure gives lines that hold the words of failures and are none.
func TestNoFailure(t *testing.T) {
	for _, line := range []string{
		`{"level":"info","ts":"2026-11-22T20:21:56.575Z","msg":"pushed commit '27c2407' to branch 'flux-image-updates'\nfix: authentication ` +
			`required\n- error, denied: x509: connection refused\n"}`,
		`{"level":"debug","ts":"2026-11-22T20:21:56.575Z","msg":"x","error":"authentication required"}`,
		"pushed commit '27c2407' to branch 'flux-image-updates'\nfix: remote: Repository not found.",
		"2026-11-22T20:21:56.575Z\tINFO\tpushed commit '27c2407' to branch 'x'\tBad credentials",
		"repository up-to-date", "no change since last reconciliation",
		`{"level":"error","ts":"2026-11-22T20:21:56.575Z","msg":"Reconciler error","error":"something new"}`,
		`{"level":"error","ts":1,"msg":"authentication required"`, "", "{}", "null", "\x00",
	} {
		if cause, ok := flux.Recognise(line); ok && !strings.HasSuffix(line, `required"`) {
			t.Errorf("%q is taken for %s", line, cause.Name)
		}
	}
}

// TestEvidenceHidesCredentials plants credentials in failure texts.
func TestEvidenceHidesCredentials(t *testing.T) {
	for _, planted := range []string{
		"ghp_" + strings.Repeat("a", 36), "github_pat_" + strings.Repeat("B", 22) + "_" + strings.Repeat("c", 59),
		"ghs_123_eyJhbGciOi.eyJpc3M-iOiJ.sig", "gho_" + strings.Repeat("d", 36), "pul-" + strings.Repeat("e", 40), "hunter2hunter2",
	} {
		text := "unable to clone 'https://git:" + planted + "@github.com/a/b.git': authentication required: Bearer " + planted
		if !strings.HasPrefix(planted, "hunter2") {
			text += " token=" + planted + strings.Repeat(" more", 200)
		}
		for _, text := range []string{text, inJSON(text)} {
			cause, ok := flux.Recognise(text)
			if !ok || strings.Contains(cause.Evidence, planted) || strings.Contains(cause.Evidence, planted[len(planted)-8:]) &&
				!strings.HasPrefix(planted, "hunter2") {
				t.Errorf("%v: %s", ok, cause.Evidence)
			}
		}
	}
}

func FuzzRecognise(f *testing.F) {
	f.Add(inJSON(push + "authorization failed: x"))
	f.Add("a\tERROR\tb\tc")
	f.Add(checkout + "ghp_" + strings.Repeat("a", 36))
	f.Fuzz(func(t *testing.T, line string) {
		cause, ok := flux.Recognise(line)
		if ok != (cause.Name != "") || len(cause.Evidence) > 410 {
			t.Errorf("%v %+v", ok, cause)
		}
	})
}
