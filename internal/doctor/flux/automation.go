package flux

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// lateRuns is how many intervals an automation may be late.
const lateRuns = 3

func (x *examiner) automations() {
	switch {
	case len(x.runners) > 0 || x.Lacks(CheckAutomation):
	case x.Lacks(CheckRepository):
		x.Gap("which repository the ImageUpdateAutomations write to: not all GitRepositories were read")
	default:
		x.Report("cluster/automation-missing",
			"apply it: `kubectl apply -f clusters/tethys/image-updates.yaml`, with spec.sourceRef of the repository's GitRepository",
			"no ImageUpdateAutomation in namespace %s writes to %s", x.Namespace, cmp.Or(x.expect.Repository, "any repository"))
	}
	for _, a := range x.runners {
		x.automation(a, object("ImageUpdateAutomation", a.Namespace, a.Name))
	}
}

func (x *examiner) automation(a Automation, of string) {
	x.Evidence("%s: %s, %s to branch %s, path %s", of, readiness(a.Conditions), signing(a),
		cmp.Or(a.PushBranch, "none"), cmp.Or(a.UpdatePath, "none"))
	if a.Suspended {
		x.Report("cluster/suspended", "resume it when it is meant to work: `flux resume image update "+a.Name+"`", "%s is suspended", of)
	} else {
		x.late(a, of)
	}
	base := x.base(a)
	if a.PushBranch == "" || a.PushBranch == base {
		x.Report("cluster/pushes-to-base", "set spec.git.push.branch to a branch of its own, such as flux-image-updates",
			"%s pushes to %s itself, so that there is no pull request to judge", of, cmp.Or(base, "none"))
	}
	if a.Refspec != "" {
		x.Report("cluster/pushes-to-base", "remove spec.git.push.refspec unless it is meant, and protect the branches that it names",
			"%s also pushes by the refspec %q, wherever that leads", of, a.Refspec)
	}
	meant := x.expect.Policy != nil && len(x.expect.Policy.Uses.Workflows) > 0
	if p := path.Clean("/" + a.UpdatePath); !meant && (p == "/" || strings.HasPrefix(p+"/", "/.github/")) {
		x.Report("cluster/update-path", "set spec.update.path to the folder of the manifests, such as ./clusters/tethys",
			"%s may rewrite files under .github/workflows, which needs a permission that the token should not have", of)
	}
	if strings.Contains(a.MessageTemplate, ".Updated") || strings.Contains(a.MessageTemplate, ".Changed.ImageResult") {
		x.Report("cluster/message-template", "use .Changed.Changes with .OldValue, .NewValue and .Setter",
			"the commit message's template of %s uses a field that Flux has removed, which stops the automation", of)
	}
}

// signing says whether commits are signed.
func signing(a Automation) string {
	if a.SigningKey == "" {
		return "unsigned"
	}
	return "signed with Secret " + a.SigningKey
}

// base is the branch that the automation checks out.
func (x *examiner) base(a Automation) string {
	if a.CheckoutBranch != "" {
		return a.CheckoutBranch
	}
	for _, r := range x.Repositories {
		if a.writesTo(r) && r.Branch != "" {
			return r.Branch
		}
	}
	return "master" // what Flux takes where nothing names a branch
}

// late reports an automation that has not run as often as it should.
func (x *examiner) late(a Automation, of string) {
	switch {
	case a.LastRun.IsZero():
		x.Gap("%s has not run yet", of)
	case a.ObservedGeneration >= 0 && a.ObservedGeneration < a.Generation && x.Read.Sub(a.LastRun) > lateRuns*a.Interval:
		x.Report("cluster/stale", "see whether image-automation-controller runs: `kubectl get deployment -n flux-system`",
			"%s has not taken up its latest change", of)
	case a.Interval > 0 && x.Read.Sub(a.LastRun) > lateRuns*a.Interval:
		x.Report("cluster/stale", "see whether image-automation-controller runs: `kubectl get deployment -n flux-system`",
			"%s last ran at %s, though it should every %s", of, a.LastRun.UTC().Format(time.RFC3339), a.Interval)
	default:
		x.Evidence("%s last ran at %s", of, a.LastRun.UTC().Format(time.RFC3339))
	}
}

func (x *examiner) policies() {
	for _, p := range x.Policies {
		of := object("ImagePolicy", p.Namespace, p.Name)
		if p.Suspended {
			x.Report("cluster/suspended", "resume it when it is meant to work", "%s is suspended", of)
		}
		selector, err := p.Selector.Compile()
		if err != nil {
			x.Report("cluster/policy-invalid", "correct spec.policy: Flux selects nothing with it", "%s cannot be used: %v", of, err)
			continue
		}
		if p.Selector.Range == "" {
			x.Report("cluster/policy-not-semver", "give it spec.policy.semver with a range, if the image's tags are versions",
				"%s does not order tags by semver, so that it cannot keep breaking changes out", of)
			continue
		}
		if p.Latest == "" {
			x.Gap("%s selects no tag yet (%s)", of, readiness(p.Conditions))
			continue
		}
		if selector.AdmitsMajor(p.Latest) {
			x.Report("cluster/policy-range", "close the range at the next major version, such as 1.x or >=1.4.0 <2.0.0",
				"the range %q of %s, which selects %s now, does not keep major versions out", p.Selector.Range, of, p.Latest)
			continue
		}
		x.Evidence("%s: %s selects %s", of, p.Selector.Range, p.Latest)
	}
}

// drift holds what the cluster does against the gate's policy file.
func (x *examiner) drift() {
	p := x.expect.Policy
	if p == nil {
		return
	}
	for _, a := range x.runners {
		of := object("ImageUpdateAutomation", a.Namespace, a.Name)
		if !knownBot(*p, a) {
			x.Report("cluster/author-drift", fmt.Sprintf("make spec.git.commit.author and bots in %s the same", policy.File),
				"%s commits as %q <%s>, which the policy file does not name as a bot", of, a.AuthorName, a.AuthorEmail)
		}
		branch := cmp.Or(a.PushBranch, x.base(a))
		if !p.MatchHead(branch) {
			x.Report("cluster/branch-drift", fmt.Sprintf("make spec.git.push.branch and head in %s the same", policy.File),
				"%s pushes to %q, which the policy file does not take for a branch of Flux: its pull requests are not judged", of, branch)
		}
		if base := x.base(a); !p.MatchBase(base) {
			x.Report("cluster/branch-drift", fmt.Sprintf("make spec.git.checkout.ref.branch and base in %s the same", policy.File),
				"%s updates %q, which the policy file does not take for a base", of, base)
		}
		if a.SigningKey == "" && (p.Evidence == policy.EvidenceKey || p.Evidence == policy.EvidenceSignature) {
			x.Report("cluster/unsigned", "set spec.git.commit.signingKey",
				"%s does not sign, though the policy file asks for evidence %s", of, p.Evidence)
		}
		x.Evidence("%s: %s <%s> to %s", of, a.AuthorName, a.AuthorEmail, branch)
	}
}

func knownBot(p policy.Policy, a Automation) bool {
	return slices.ContainsFunc(p.Bots, func(b policy.Bot) bool {
		return (b.Name == "" || b.Name == a.AuthorName) && (b.Email == "" || strings.EqualFold(b.Email, a.AuthorEmail))
	})
}

// failed reports what failed within the window. What has since succeeded is a
// note.
func (x *examiner) failed() {
	for _, log := range x.Logs {
		if log.Cut {
			x.Gap("log of %s: only a part of the window was read", log.Controller)
		}
	}
	all := Failures(x.Cluster)
	for _, f := range all {
		if !x.concerns(f) {
			continue
		}
		of := cmp.Or(f.Object, "Flux")
		seen := fmt.Sprintf("%s, last at %s (%s): %s", times(f), stamp(f.Last), strings.Join(f.Sources, ", "), f.Cause.Evidence)
		if f.Cause.Name == "" {
			x.weigh(f, "cluster/unrecognised", "read the text; if it names the token or GitHub, check those first", "%s failed %s", of, seen)
			continue
		}
		title := f.Cause.Problem
		if f.Cause.Issue != "" {
			title = f.Cause.Issue + ": " + title
		}
		x.weigh(f, f.Cause.Rule, f.Cause.Fix, "%s: %s; %s", of, title, seen)
	}
	lines := 0
	for _, log := range x.Logs {
		lines += len(log.Lines)
	}
	x.Evidence("%d events and %d log lines since %s", len(x.Events), lines, stamp(x.Since))
}

func (x *examiner) weigh(f Failure, rule, hint, format string, args ...any) {
	if f.Healed {
		x.Add(rule, finding.Note, hint, "healed since: "+format, args...)
		return
	}
	x.Report(rule, hint, format, args...)
}

// concerns leaves out failures of other repositories' objects.
func (x *examiner) concerns(f Failure) bool {
	kind, _, _ := strings.Cut(f.Object, "/")
	switch kind {
	case "GitRepository":
		it := func(r GitRepository) bool { return object(kind, r.Namespace, r.Name) == f.Object }
		return slices.ContainsFunc(x.sources, it) || !slices.ContainsFunc(x.Repositories, it)
	case "ImageUpdateAutomation":
		it := func(a Automation) bool { return object(kind, a.Namespace, a.Name) == f.Object }
		return slices.ContainsFunc(x.runners, it) || !slices.ContainsFunc(x.Automations, it)
	}
	return true
}

func times(f Failure) string {
	if f.Attempts == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", f.Attempts)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format(time.RFC3339)
}

// pushes looks for a proof that the token can write. That nothing failed is
// none: as long as there is nothing to push, Flux only reads.
func (x *examiner) pushes() {
	doubt, doubted := x.Gap, false
	if x.expect.TokenWorks {
		doubt = x.Evidence
	}
	for _, a := range x.runners {
		of := object("ImageUpdateAutomation", a.Namespace, a.Name)
		switch {
		case a.LastPush.IsZero():
			doubted = true
			doubt("%s has never pushed: that nothing failed does not prove that the token works", of)
		case a.LastPush.Before(x.Since):
			doubted = true
			doubt("%s last pushed %s at %s, before the window: that nothing failed since does not prove that the token works",
				of, short(a.LastPushCommit), stamp(a.LastPush))
		default:
			x.Evidence("%s pushed %s at %s", of, short(a.LastPushCommit), stamp(a.LastPush))
		}
	}
	if doubted && x.expect.TokenWorks {
		x.Evidence("but GitHub says that the token may push")
	}
}

func short(commit string) string {
	return commit[:min(len(commit), 7)]
}
