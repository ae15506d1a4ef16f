package gitrepo_test

import (
	"strings"
	"testing"
)

// A commit that two programs could read differently is a gap, wherever it
// stands in the range, and its words are not taken for the author's.
func TestMalformedCommits(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a", "1")
	w.git("checkout", "-qb", "branch")
	w.commit("change", "a", "2")
	tests := []struct{ name, from, to, reason string }{
		{"two authors", "\nauthor", "\nauthor Eve <eve@example.com> 1 +0000\nauthor", "header \"author\" before author and committer"},
		{"two committers", "\n\nchange", "\ncommitter Eve <eve@example.com> 1 +0000\n\nchange", "second or misplaced header committer"},
		{"late parent", "\n\nchange", "\nparent " + strings.Repeat("1", 40) + "\n\nchange", "second or misplaced header parent"},
		{"NUL in message", "change", "chan\x00ge", "NUL byte"},
		{"NUL in name", "author Flux", "author Fl\x00ux", "NUL byte"},
		{"no e-mail", "author Flux <flux@example.com>", "author Flux", "author: not of the form"},
		{"two e-mails", "author Flux <flux@example.com>", "author Flux <a@b> <flux@example.com>", "author: not of the form"},
		{"glued name", "author Flux <", "author Flux<", "author: not of the form"},
		{"time", " +0130\ncommitter", "x +0130\ncommitter", "author: malformed time"},
		{"huge time", " +0130\ncommitter", "00000000 +0130\ncommitter", "author: malformed time"},
		{"zone", " +0130\ncommitter", " 0130\ncommitter", "author: malformed time zone"},
		{"zone of 70 minutes", " +0130\ncommitter", " +0170\ncommitter", "author: malformed time zone"},
		{"continued author", "\ncommitter", "\n Eve\ncommitter", "author: not of the form"},
		{"bare line", "\n\nchange", "\nnothing\n\nchange", "malformed header \"nothing\\n\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			facts := w.facts("main", w.rewrite("branch", replace(tt.from, tt.to)))
			if len(facts.Gaps) != 1 || !strings.Contains(facts.Gaps[0], tt.reason) {
				t.Errorf("gaps %q, want %q", facts.Gaps, tt.reason)
			}
			if len(facts.Commits) != 1 || facts.Commits[0].Author.Name != "" || facts.Commits[0].Verification.Reason == "" {
				t.Errorf("commits %+v", facts.Commits)
			}
		})
	}
	// Odd, but read the same way by everybody.
	facts := w.facts("main", w.rewrite("branch", replace("change", "a\r\n\xff\n\nparent x")))
	if len(facts.Gaps) != 0 || facts.Commits[0].Message != "a\r\n\xff\n\nparent x\n" {
		t.Errorf("gaps %q, message %q", facts.Gaps, facts.Commits[0].Message)
	}
}
