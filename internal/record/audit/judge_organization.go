package audit

import (
	"cmp"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// What is done to an organization, and so to its repositories and what guards them.

// organizationChanged tells of another name, by which the policy file and clusters know
// its repositories, of its end, and of who got in.
func (j *judge) organizationChanged(r Reading, by, where string) {
	b := r.Body
	switch b.Action {
	case "renamed":
		j.guard(r, finding.Warning, "guard/repository", "ask why, and bring the policy file up to date: anybody can take the former name",
			"%s was renamed from %s by %s", where, cmp.Or(b.Former, "another name"), by)
	case "deleted":
		j.guard(r, finding.Warning, "guard/repository", "ask why: its repositories are gone with it", "%s was deleted by %s", where, by)
	case "member_added", "member_invited":
		if (b.State == "admin" || b.State == "owner") && !j.contract.bot(b.Whom) {
			j.guard(r, finding.Warning, "guard/access", "see that they need it: an owner can undo every rule", "%s made %s an owner of %s", by,
				cmp.Or(b.Whom.Login, "somebody"), where)
			return
		}
		j.accessGiven(r, by, where)
	}
}

// propertyChanged tells of a property by which rulesets may find their repositories.
func (j *judge) propertyChanged(r Reading, by, where string) {
	b := r.Body
	of := b.Repository == Repository{} || j.contract.repository(b.Repository)
	if values := strings.HasSuffix(b.Event, "_values"); of && (values && b.Action == "updated" || !values && b.Action == "deleted") {
		j.guard(r, "", "delivery/guard-loosened", compare, "%s: %s changed the custom properties by which rulesets find their repositories: %s",
			where, by, cmp.Or(b.Subject, "(no name)"))
	}
}

// letPast tells, by a rule, who was let past what guards a repository on request.
func letPast(rule string) func(*judge, Reading, string, string) {
	return func(j *judge, r Reading, by, where string) {
		if b := r.Body; b.Action == "response_submitted" && b.State == "approved" {
			j.guard(r, "", rule, "read what the request was for, and revoke the secret that it is about", "%s granted the %s of %s in %s", by,
				strings.ReplaceAll(strings.ReplaceAll(b.Event, "exemption", "bypass"), "_", " "), cmp.Or(b.Whom.Login, "somebody"), where)
		}
	}
}
