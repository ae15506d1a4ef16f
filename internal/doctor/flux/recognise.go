package flux

import (
	"cmp"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Stage is what was being done when a failure happened.
type Stage string

// The stages.
const (
	Fetch   Stage = "fetch"   // reading the repository
	Push    Stage = "push"    // writing to it
	Propose Stage = "propose" // opening the pull request
	Setup   Stage = "setup"   // finding source and Secret, before git is asked
	Update  Stage = "update"  // writing manifests and the commit message
	Scan    Stage = "scan"    // asking the image registry
	Apply   Stage = "apply"   // bringing manifests into the cluster
)

// Cause is why something failed.
type Cause struct {
	// Name is the cause's own, such as token-rejected.
	Name string
	// Rule is the rule that reports it, cluster/….
	Rule  string
	Stage Stage
	// Issue is the runbook's heading for it; empty where it has none.
	Issue string
	// Problem says what it means, in one sentence.
	Problem string
	// Fix says what to do.
	Fix string
	// Evidence is the text that told, without credentials and cut to a length
	// for people. It is outside text.
	Evidence string
}

// Recognise finds the cause of a failure in a line of a Flux controller's log,
// in an event's or a condition's message, or in what git, GitHub's API or its
// command line printed. It is false for everything that is no failure: what a
// line of level info quotes, such as a commit message, never counts.
func Recognise(line string) (Cause, bool) {
	text := strings.TrimSpace(line)
	if l, ok := ParseLine(text); ok {
		if l.Level != "error" {
			return Cause{}, false
		}
		text = l.Text
	} else if text, ok = consoleText(text); !ok {
		return Cause{}, false
	}
	if pushed(text) != "" {
		return Cause{}, false
	}
	stage, folded := stageOf(text), strings.ToLower(text)
	for _, s := range signs() {
		if s.Only != "" && s.Only != stage {
			continue
		}
		for _, pattern := range s.Texts {
			if !contains(folded, pattern) {
				continue
			}
			c := s.Cause
			c.Stage, c.Evidence = cmp.Or(c.Stage, stage), evidence(text)
			return c, true
		}
	}
	return Cause{}, false
}

// consoleText reads the other form of Flux's logs, --log-encoding=console: the
// time, the level, words and JSON, with tabs between. Other text is taken as it
// is.
func consoleText(line string) (text string, failure bool) {
	parts := strings.Split(line, "\t")
	if len(parts) < 3 {
		return line, true
	}
	switch parts[1] {
	case "INFO", "DEBUG", "TRACE":
		return "", false
	case "ERROR":
		return strings.Join(parts[2:], " "), true
	}
	return line, true
}

// stageOf tells from Flux's own words around an error what it was doing.
func stageOf(text string) Stage {
	for _, s := range []struct {
		stage Stage
		texts []string
	}{
		{Push, []string{"failed to push to remote", "[remote rejected]", "failed to push some refs", "remote: error: GH0"}},
		{Propose, []string{"createPullRequest", "pull request create failed", "Attempting creation of pull request", "/pulls"}},
		{Setup, []string{"failed configuring source manager", "failed to get auth secret", "failed to configure authentication options",
			"failed to configure auth"}},
		{Fetch, []string{"failed to checkout", "unable to clone", "unable to list remote", "git-upload-pack"}},
		{Scan, []string{"scan failed", "ImageRepository", "no tags in database", "latest tag", "latest version"}},
		{Apply, []string{"decrypt", "kustomize build failed", "dry-run failed"}},
	} {
		for _, t := range s.texts {
			if strings.Contains(text, t) {
				return s.stage
			}
		}
	}
	return ""
}

// contains tells whether the parts of the pattern, which an ellipsis divides,
// are in the text one after the other.
func contains(text, pattern string) bool {
	for part := range strings.SplitSeq(pattern, "…") {
		_, rest, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = rest
	}
	return true
}

// maxEvidence bounds what is quoted of a failure, in bytes.
const maxEvidence = 400

// evidence is a failure's text as it may be shown: on one line, of some length,
// and without what looks like a credential.
func evidence(text string) string {
	text = secret.Redact(strings.Join(strings.Fields(text), " "))
	if len(text) <= maxEvidence {
		return text
	}
	return strings.ToValidUTF8(text[:maxEvidence], "") + "…"
}
