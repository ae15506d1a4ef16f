package runner_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/runner"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// hostile holds each way that a line can be taken for a command.
const hostile = "::error::a\n  ::set-output name=verdict::pass\ntext ##[set-output name=verdict]pass\r\u00a0::error::b\u2028::error::c"

func TestOutputsCannotSetEachOther(t *testing.T) {
	// The first is the SDK's own end mark, at which it would end a value.
	const end = "_GitHubActionsFileCommandDelimeter_"
	values := []string{
		"x\n" + end + "\nverdict=pass\n" + end, "verdict=pass", "verdict<<EOF\npass\nEOF", "", "a\n\n", "= <<", hostile,
	}
	for _, value := range values {
		s := newStep(t)
		r := s.runner()
		must(t, r.Output("verdict", "fail"))
		must(t, r.Output("report", value))
		want := map[string]string{"verdict": "fail", "report": value}
		if diff := cmp.Diff(want, outputs(t, s.output)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
}

func TestOutputsEndDiffersEachTime(t *testing.T) {
	s := newStep(t)
	r := s.runner()
	must(t, r.Output("a", "x"))
	must(t, r.Output("b", "x"))
	data, err := os.ReadFile(s.output)
	must(t, err)
	ends := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if _, end, ok := strings.Cut(line, "<<"); ok {
			ends[end] = true
			if len(end) < 26 {
				t.Errorf("the end mark %q can be guessed", end)
			}
		}
	}
	if len(ends) != 2 {
		t.Errorf("end marks %v, want two", ends)
	}
}

func TestOutputRefuses(t *testing.T) {
	tests := []struct {
		name, output, value string
		env                 map[string]string
		want                string
	}{
		{"no file", "verdict", "pass", map[string]string{}, "not set: this does not run as a step"},
		{"a folder that is not there", "verdict", "pass", map[string]string{"GITHUB_OUTPUT": "/nowhere/at/all"}, "no such file"},
		{"a name that is none", "a=b\nc", "", nil, "not a name"},
		{"more than a job keeps", "report", strings.Repeat("é", 500_000), nil, "1 MB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStep(t)
			if tt.env != nil {
				s.env = tt.env
			}
			err := s.runner().Output(tt.output, tt.value)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	s := newStep(t)
	r := s.runner()
	must(t, r.Summary("# a"))
	must(t, r.Summary("b\n"))
	got, err := os.ReadFile(s.summary)
	must(t, err)
	if string(got) != "# a\nb\n" {
		t.Errorf("got %q", got)
	}
}

func TestSummaryIsCutHonestly(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	for _, before := range []int{0, 5_000} {
		s := newStep(t)
		must(t, os.WriteFile(s.summary, []byte(strings.Repeat(line, before)), 0o600))
		must(t, s.runner().Summary(strings.Repeat(line, 20_000)))
		data, err := os.ReadFile(s.summary)
		must(t, err)
		if len(data) > 1<<20 || len(data) < 1<<20-300 {
			t.Errorf("the summary has %d bytes", len(data))
		}
		text := string(data)
		kept := strings.Count(text, line) - before
		if want := fmt.Sprintf("%d of %d bytes are left out", 2_000_000-kept*len(line), 2_000_000); !strings.Contains(text, want) {
			t.Errorf("does not say %q, but %q", want, text[len(text)-120:])
		}
		if err := s.runner().Summary(strings.Repeat(line, 20)); err == nil {
			t.Error("a full summary took more")
		}
	}
}

func TestSummaryWithoutFile(t *testing.T) {
	s := newStep(t)
	s.env = nil
	if err := s.runner().Summary("a"); err == nil || !strings.Contains(err.Error(), "GITHUB_STEP_SUMMARY is not set") {
		t.Errorf("got %v", err)
	}
}

func TestLinesAreNoCommands(t *testing.T) {
	var raw strings.Builder
	w := runner.Lines(&raw)
	// However it is written: one byte at a time, a mark of a command is parted.
	for i := range len(hostile) {
		if _, err := w.Write([]byte{hostile[i]}); err != nil {
			t.Fatal(err)
		}
	}
	must(t, w.Close())
	if got := commands(raw.String()); len(got) != 0 {
		t.Errorf("%q holds %v", raw.String(), got)
	}
	if !strings.HasPrefix(raw.String(), `\u{003A}:error::a`+"\n") {
		t.Errorf("got %q", raw.String())
	}
}

func TestLinesLeaveText(t *testing.T) {
	var raw strings.Builder
	w := runner.Lines(&raw)
	const text = "PASS  2 updates\r\n\n  a → b\nlast"
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	must(t, w.Close())
	if want := "PASS  2 updates\n\n  a → b\nlast\n"; raw.String() != want {
		t.Errorf("got %q, want %q", raw.String(), want)
	}
}

// TestLinesDoNotHoardMemory: a line may have no end, and the cut must open no command.
func TestLinesDoNotHoardMemory(t *testing.T) {
	var raw strings.Builder
	w := runner.Lines(&raw)
	_, err := io.WriteString(w, strings.Repeat("x", 64<<10)+"::error::b"+strings.Repeat("y", 200<<10))
	must(t, err)
	if raw.Len() < 200<<10 {
		t.Errorf("only %d bytes are out", raw.Len())
	}
	must(t, w.Close())
	if got := commands(raw.String()); len(got) != 0 {
		t.Errorf("holds %v", got)
	}
}

func TestLogGivesNoCommand(t *testing.T) {
	s := newStep(t)
	must(t, s.runner().Log(hostile))
	if got := commands(s.log.String()); len(got) != 0 {
		t.Errorf("holds %v", got)
	}
}

func TestMask(t *testing.T) {
	s := newStep(t)
	r := s.runner()
	must(t, r.Mask(secret.Secret{}))
	must(t, r.Mask(secret.New("  ")))
	if s.log.Len() != 0 {
		t.Errorf("an empty secret is masked: %q", s.log.String())
	}
	must(t, r.Mask(secret.New("ghs_a%b")))
	if got := commands(s.log.String()); len(got) != 1 || got[0].name != "add-mask" || got[0].data != "ghs_a%b" {
		t.Errorf("got %v", got)
	}
}

func TestAnnotations(t *testing.T) {
	var findings []finding.Finding
	for i := range 12 {
		for _, s := range []finding.Severity{finding.Note, finding.Warning, finding.Error} {
			findings = append(findings, finding.Finding{
				Rule: "scope/residue", Severity: s, Message: fmt.Sprintf("%s %02d", s, i), Place: finding.Place{File: "a.yaml", Line: i + 1},
			})
		}
	}
	s := newStep(t)
	must(t, s.runner().Annotate(findings))
	counts := map[string]int{}
	var order []string
	for _, c := range commands(s.log.String()) {
		if counts[c.name] == 0 {
			order = append(order, c.name)
		}
		counts[c.name]++
	}
	if diff := cmp.Diff(map[string]int{"error": 10, "warning": 10, "notice": 10}, counts); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"error", "warning", "notice"}, order); diff != "" {
		t.Errorf("order, -want +got:\n%s", diff)
	}
	if !strings.Contains(s.log.String(), "6 more findings") {
		t.Errorf("does not say what it left out: %q", s.log.String())
	}
}

func TestAnnotationOfHostileFinding(t *testing.T) {
	s := newStep(t)
	must(t, s.runner().Annotate([]finding.Finding{{
		Rule: "scope/residue", Severity: "odd", Message: hostile, Hint: "50%",
		Place: finding.Place{File: "a,line=9::b\n::error::c", Line: 3, Column: 4},
	}}))
	got := commands(s.log.String())
	if len(got) != 1 || got[0].name != "error" {
		t.Fatalf("got %v", got)
	}
	want := map[string]string{
		"file": `a,line=9::b\u{000A}::error::c`, "line": "3", "col": "4", "title": "fluxkeeper: scope/residue",
	}
	if diff := cmp.Diff(want, got[0].properties); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if again := commands(got[0].data); len(again) != 0 {
		t.Errorf("the runner prints the message, and takes from it %v", again)
	}
	if !strings.HasSuffix(got[0].data, "\nhint: 50%") {
		t.Errorf("got %q", got[0].data)
	}
}

func TestAnnotationIsCut(t *testing.T) {
	for _, unit := range []string{"a", "é", "😀", "\u202e", "%", "\n", "\xff"} {
		s := newStep(t)
		must(t, s.runner().Annotate([]finding.Finding{{Severity: finding.Error, Message: strings.Repeat(unit, 5000)}}))
		data := commands(s.log.String())[0].data
		if n := len(utf16.Encode([]rune(data))); n > 4096 || n < 1000 || !strings.HasSuffix(data, "…") {
			t.Errorf("%q: %d units, ends in %q", unit, n, data[max(0, len(data)-8):])
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe is gone") }

// TestBrokenLogIsNoPanic: the SDK panics where it cannot write.
func TestBrokenLogIsNoPanic(t *testing.T) {
	r := runner.New(func(string) (string, bool) { return "", false }, broken{})
	for name, err := range map[string]error{
		"mask":     r.Mask(secret.New("x")),
		"annotate": r.Annotate([]finding.Finding{{Message: "x"}}),
	} {
		if err == nil || !strings.Contains(err.Error(), "pipe is gone") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestContext(t *testing.T) {
	s := newStep(t, "GITHUB_REPOSITORY", "goldfish-inc/oceanid", "GITHUB_REPOSITORY_ID", "77", "GITHUB_RUN_ID", "5",
		"GITHUB_SERVER_URL", "https://ghe.example.com/", "GITHUB_API_URL", "https://ghe.example.com/api/v3", "GITHUB_GRAPHQL_URL",
		"https://ghe.example.com/api/graphql")
	got, err := s.runner().Context()
	must(t, err)
	want := runner.Context{
		Repository: "goldfish-inc/oceanid", RepositoryID: 77, APIURL: "https://ghe.example.com/api/v3",
		GraphQLURL: "https://ghe.example.com/api/graphql", RunURL: "https://ghe.example.com/goldfish-inc/oceanid/actions/runs/5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	s.env["GITHUB_REPOSITORY"] = "a/../b"
	delete(s.env, "GITHUB_API_URL")
	_, err = s.runner().Context()
	for _, want := range []string{"not owner/name", "GITHUB_API_URL is not set"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestHugeEventIsRefused(t *testing.T) {
	s := newStep(t).event(t, "push", "{}")
	path := filepath.Join(t.TempDir(), "huge")
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, 33<<20))
	s.env["GITHUB_EVENT_PATH"] = path
	if _, err := s.runner().Event(); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
}
