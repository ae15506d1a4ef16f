package policy

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

//go:embed template.yaml
var templateFile []byte

// The schema is generated from the types in policyschema_test.go, so that the
// programs do not link the generator.
//
//go:embed fluxkeeper.schema.json
var schemaFile []byte

// Template is a policy file that says in comments what can be set, and
// sets nothing but the defaults.
func Template() []byte { return append([]byte(nil), templateFile...) }

// Schema is the JSON Schema (draft 2020-12) of the policy file. It is
// for editors: Parse checks more than a schema can say.
func Schema() []byte { return append([]byte(nil), schemaFile...) }

// Default is what holds without a policy file. Branch, name and e-mail
// are those of Flux's own documentation
// (https://fluxcd.io/flux/guides/image-update/).
func Default() Policy {
	return Policy{
		Head:     []string{"flux-image-updates"},
		Bots:     []Bot{{Name: "fluxcdbot", Email: "fluxcdbot@users.noreply.github.com"}},
		Evidence: EvidenceText,
		People:   PeopleWarn,
		Terms: Terms{
			Allow:      []string{"patch", "minor"},
			Versioning: image.Semver,
			MinorSkip:  -1,
		},
		MaxUpdates: 200,
		Reverts:    change.Within{Days: 90, Commits: 200},
	}
}

// Contract gives the uses with what the file leaves out: the branches are those
// that Flux pushes to, and the events what Flux and the proposals of its
// updates cause. (Checks and runs that follow from those are not the bot's.)
func (p Policy) Contract() Uses {
	u := p.Uses
	if u.Branches == nil {
		u.Branches = p.Head
	}
	if u.Events == nil {
		u.Events = []string{
			"push", "create", "delete", "status:{" + strings.Join(reconciled, ",") + "}/**",
			"pull_request.opened", "pull_request.reopened", "pull_request.synchronize", "pull_request.edited:text",
			"pull_request.closed:unmerged", "pull_request.labeled", "pull_request.unlabeled", "pull_request.review_requested",
			"pull_request.auto_merge_disabled", "pull_request.dequeued",
			"issue_comment.created:fluxkeeper", "issue_comment.edited:fluxkeeper", "issue_comment.deleted:fluxkeeper",
		}
	}
	u.Limits = maps.Clone(usualLimits)
	maps.Copy(u.Limits, p.Uses.Limits)
	return u
}

// reconciled are the words that the contexts of Flux's statuses begin with: the kinds of
// its objects (https://fluxcd.io/flux/components/notification/providers/#git-commit-status-updates),
// and its own name where an expression makes them.
var reconciled = []string{"kustomization", "helmrelease", "gitrepository", "ocirepository", "bucket", "helmrepository", "helmchart",
	"imagerepository", "imagepolicy", "imageupdateautomation", "terraform", "flux*"}

// usualLimits are more than Flux causes in an hour, and less than a loop does.
var usualLimits = map[string]int{"push": 60, "create": 20, "delete": 20, "pull_request": 120, "issue_comment": 60}

// MatchHead tells whether Flux pushes to a branch of this name.
func (p Policy) MatchHead(branch string) bool { return pattern.Any(p.Head, branch) }

// MatchBase tells whether updates may go to a branch of this name. Which is the
// default branch is not known here: without names, any may be.
func (p Policy) MatchBase(branch string) bool {
	return len(p.Base) == 0 || slices.Contains(p.Base, branch)
}

// Guards tells whether a check of ours may speak for a base. It is asked of the
// policy on the default branch, which is guarded, as is every base that it names.
func (p Policy) Guards(base, defaultBranch string) bool {
	return base != "" && (base == defaultBranch || slices.Contains(p.Base, base))
}

// MatchPath tells whether the file, a path from the repository's root with
// slashes, may change. Where the policy names workflows, these are all that may, whatever
// its paths say.
func (p Policy) MatchPath(path string) bool {
	if len(p.Uses.Workflows) > 0 && strings.HasPrefix(path, WorkflowDir) {
		return pattern.Any(p.Uses.Workflows, path)
	}
	return len(p.Paths) == 0 || pattern.Any(p.Paths, path)
}

// MatchTitle tells whether a pull request may have this title. Titles hold
// slashes, brackets and braces as a matter of course, so only "*" is special
// in the pattern, and it stands for any text.
func (p Policy) MatchTitle(title string) bool {
	if p.Title == "" {
		return true
	}
	parts := strings.Split(p.Title, "*")
	rest, ok := strings.CutPrefix(title, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[last])
}

// TermsFor returns the terms for an image, by its name as the manifest writes
// it, without tag and digest, and the namespace:name of the ImagePolicy that
// its marker names. They come from the first override that matches and has
// not ended, which is returned too; nil means that the general terms hold.
func (p Policy) TermsFor(image, policy string, now time.Time) (Terms, *Override) {
	for i := range p.Overrides {
		if o := &p.Overrides[i]; !o.ended(now) && o.Matches(image, policy) {
			return o.Terms, o
		}
	}
	return p.Terms, nil
}

// Possible returns the overrides that would hold instead, were the image one that is not known.
func (p Policy) Possible(policy string, now time.Time) (some []Override) {
	for _, o := range p.Overrides {
		of := Override{Policy: o.Policy}
		switch {
		case o.ended(now):
		case o.Matches("", policy):
			return some
		case o.Image != "" && (o.Policy == "" || of.Matches("", policy)):
			some = append(some, o)
		}
	}
	return some
}

// Ended returns the overrides whose last day, in UTC, is over.
func (p Policy) Ended(now time.Time) []Override {
	var ended []Override
	for _, o := range p.Overrides {
		if o.ended(now) {
			ended = append(ended, o)
		}
	}
	return ended
}

func (o Override) ended(now time.Time) bool {
	return !o.Until.IsZero() && !now.Before(o.Until.AddDate(0, 0, 1))
}

// Matches says whether the override speaks of an image that a policy selects. One that
// names neither speaks of none.
func (o Override) Matches(image, policy string) bool {
	if o.Image == "" && o.Policy == "" {
		return false
	}
	if o.Image != "" && !pattern.Match(o.Image, image) {
		return false
	}
	if o.Policy == "" {
		return true
	}
	// Each half of the pattern is held against its own half of the name.
	wantNamespace, wantName, _ := strings.Cut(o.Policy, ":")
	namespace, name, ok := strings.Cut(policy, ":")
	return ok && pattern.Match(wantNamespace, namespace) && pattern.Match(wantName, name)
}
