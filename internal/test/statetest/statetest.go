package statetest

import (
	"encoding/json"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// State is what a command can find.
type State string

// The states.
const (
	Clean       State = "clean"
	Warning     State = "warning"
	Error       State = "error"
	ErrorAndGap State = "error and gap"
	Gap         State = "gap"
	Usage       State = "wrong usage"
	Foreign     State = "not applicable"
)

// ends says how each state ends. Wrong usage prints no report.
var ends = []struct {
	state   State
	status  int
	verdict finding.Verdict
}{
	{Clean, 0, finding.Pass}, {Warning, 0, finding.Pass}, {Error, 1, finding.Fail}, {ErrorAndGap, 1, finding.Fail},
	{Gap, 3, finding.Undecided}, {Usage, 2, ""}, {Foreign, 0, finding.NotApplicable},
}

// Case brings a command into a state, or says why it cannot be in it.
type Case struct {
	Cannot string
	// Run gives the exit status and what stood on standard output, in JSON where the
	// command has that.
	Run func(t *testing.T) (status int, stdout string)
	// Silent marks a command that has no JSON, Undecided one whose gaps may be what its
	// errors come of.
	Silent, Undecided bool
}

// Table runs every command on every state.
func Table(t *testing.T, commands map[string]map[State]Case) {
	t.Helper()
	for name, cases := range commands {
		for _, end := range ends {
			t.Run(name+"/"+string(end.state), func(t *testing.T) {
				c, ok := cases[end.state]
				switch {
				case !ok || (c.Run == nil) == (c.Cannot == ""):
					t.Fatal("the table does not say how the command comes into this state, or why it cannot")
				case c.Cannot != "":
					return
				case c.Undecided:
					end.status, end.verdict = 3, finding.Undecided
				}
				status, out := c.Run(t)
				if status != end.status {
					t.Errorf("exit status %d, want %d:\n%s", status, end.status, out)
				}
				if end.verdict == "" || c.Silent {
					return
				}
				var report struct {
					Verdict  finding.Verdict
					Findings []finding.Finding
					Gaps     []string
				}
				if err := json.Unmarshal([]byte(out), &report); err != nil {
					t.Fatalf("%v:\n%s", err, out)
				}
				if report.Verdict != end.verdict {
					t.Errorf("verdict %s, want %s:\n%s", report.Verdict, end.verdict, out)
				}
				if gap := end.state == Gap || end.state == ErrorAndGap; gap != (len(report.Gaps) > 0) {
					t.Errorf("gaps %q", report.Gaps)
				}
			})
		}
	}
}
