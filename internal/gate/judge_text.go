package gate

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// text compares what the pull request says with what it holds.
func (j *judge) text(updates []Update) {
	pull := j.facts.Pull
	if pull == nil {
		return
	}
	if !j.policy.MatchTitle(pull.Title) {
		j.report(finding.Finding{Rule: "text/title", Message: fmt.Sprintf("the title %q does not fit the pattern %q", pull.Title, j.policy.Title),
			Hint: "give the pull request the title that its workflow gives, or change title in " + policy.File})
	}
	held := Proposed(updates)
	ours, others := proposal.Parts(pull.Body)
	missing, extra := proposal.Compare(ours, held, true)
	j.mismatch(finding.Error, missing, extra)
	if missing, extra = proposal.Compare(others, held, false); ours != "" {
		missing = nil
	}
	j.mismatch(finding.Warning, missing, extra)
}

// mismatch reports what a list of the body has wrong: an error only in one that this program wrote.
func (j *judge) mismatch(severity finding.Severity, missing, extra []proposal.Update) {
	var parts []string
	if len(extra) > 0 {
		parts = append(parts, "lists "+first(extra)+", which the change does not hold")
	}
	if len(missing) > 0 {
		parts = append(parts, "leaves out "+first(missing)+", which it holds")
	}
	if len(parts) > 0 {
		j.report(finding.Finding{Rule: "text/body-mismatch", Severity: severity,
			Message: "the pull request's body " + strings.Join(parts, ", and "),
			Hint:    "let the workflow write the list anew from the change, or remove it"})
	}
}

// Proposed is the updates as a pull request's body lists them: nothing that looks like a
// credential is in it.
func Proposed(updates []Update) []proposal.Update {
	var out []proposal.Update
	for _, u := range updates {
		out = append(out, proposal.Update{Image: secret.Redact(cmp.Or(u.Image, u.Policy)), From: secret.Redact(u.From),
			To: secret.Redact(u.To), Step: u.Step,
			FromDigest: u.FromDigest, ToDigest: u.ToDigest})
	}
	return out
}

// first names three and counts the rest.
func first(updates []proposal.Update) string {
	return text.Some(text.Each(updates, func(u proposal.Update) string {
		return fmt.Sprintf("%q", strings.TrimPrefix(u.Image+": ", ": ")+u.From+" → "+u.To)
	}), 3)
}
