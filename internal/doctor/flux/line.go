package flux

import (
	"encoding/json"
	"strings"
	"time"
)

// Line is one line of a Flux controller's log.
type Line struct {
	Time                  time.Time
	Level                 string // trace, debug, info, error
	Kind, Namespace, Name string // of the object
	// Run is the reconcileID: every failure is logged twice under one.
	Run string
	// Text is the failure's whole text, of a line of level error; it may hold a
	// git host's words.
	Text string
	// Commit is of a line that tells of a push. The commit message that follows in
	// such a line is left out: its text is anybody's.
	Commit string
}

// record is how Flux writes a line (runtime/logger; zap's JSON encoder).
type record struct {
	Level     string    `json:"level"`
	Time      time.Time `json:"ts"`
	Message   string    `json:"msg"`
	Error     any       `json:"error"`
	Kind      string    `json:"controllerKind"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Run       string    `json:"reconcileID"`
}

// ParseLine reads a line of a log in Flux's JSON form. What is no such line
// (other libraries write plain text in between) gives false.
func ParseLine(line string) (Line, bool) {
	var r record
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &r) != nil || r.Level == "" {
		return Line{}, false
	}
	l := Line{Time: r.Time, Level: r.Level, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Run: r.Run, Commit: pushed(r.Message)}
	if r.Level == "error" {
		cause, _ := r.Error.(string)
		l.Text = failureText(r.Message, cause)
	}
	return l, true
}

// failureText joins the two halves of a failure. The controller writes the text
// as message and a short reason as error; its library writes it the other way.
func failureText(message, cause string) string {
	switch {
	case message == "Reconciler error" && cause != "":
		return cause
	case cause == "" || !strings.ContainsAny(cause, " \n"):
		return message
	}
	return message + ": " + cause
}

// pushed reads what Flux says after a push: the commit's short id
// (image-automation-controller, since v0.30).
func pushed(message string) string {
	rest, told := strings.CutPrefix(message, "pushed commit '")
	commit, branch, named := strings.Cut(rest, "' to branch '")
	if !told || !named || len(commit) < 7 || strings.Trim(commit, "0123456789abcdef") != "" || !strings.Contains(branch, "'") {
		return ""
	}
	return commit
}
