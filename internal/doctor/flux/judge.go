package flux

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// The names of the checks, in the order in which they are reported.
const (
	CheckAPI        = "Flux APIs"
	CheckRepository = "GitRepository"
	CheckSecret     = "Secret"
	CheckToken      = "same token"
	CheckAutomation = "ImageUpdateAutomation"
	CheckPolicies   = "ImagePolicies"
	CheckDrift      = "policy file"
	CheckFailures   = "events and logs"
	CheckPush       = "last push"
)

// Examine holds what was read of a cluster against what is expected: the findings by
// check, with the evidence and with what could not be told.
func Examine(c Cluster, e Expectation) []finding.Check {
	x := newExaminer(c, e)
	return x.Run(
		doctor.Step{Name: CheckAPI, Run: x.apis},
		doctor.Step{Name: CheckRepository, Run: x.repositories},
		doctor.Step{Name: CheckSecret, Run: x.secrets},
		doctor.Step{Name: CheckToken, Run: x.copies},
		doctor.Step{Name: CheckAutomation, Run: x.automations},
		doctor.Step{Name: CheckPolicies, Run: x.policies},
		doctor.Step{Name: CheckDrift, Run: x.drift},
		doctor.Step{Name: CheckFailures, Run: x.failed},
		doctor.Step{Name: CheckPush, Run: x.pushes},
	)
}

// examiner runs the checks.
type examiner struct {
	doctor.Examiner
	Cluster
	expect Expectation
	// sources and runners are the GitRepositories of the expected repository,
	// and the automations that write to them.
	sources []GitRepository
	runners []Automation
}

func newExaminer(c Cluster, e Expectation) *examiner {
	x := &examiner{Examiner: doctor.NewExaminer(c.Unread), Cluster: c, expect: e}
	x.choose()
	return x
}

// choose picks the objects that belong to the expected repository.
func (x *examiner) choose() {
	x.sources = slices.DeleteFunc(slices.Clone(x.Repositories), func(r GitRepository) bool { return !r.Of(x.expect.Repository) })
	for _, a := range x.Automations {
		known := slices.ContainsFunc(x.Repositories, a.writesTo)
		// What names a GitRepository that is not there may be meant for ours.
		if slices.ContainsFunc(x.sources, a.writesTo) || !known && !x.Lacks(CheckRepository) {
			x.runners = append(x.runners, a)
		}
	}
	slices.SortFunc(x.sources, func(a, b GitRepository) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	slices.SortFunc(x.runners, func(a, b Automation) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
}

func (a Automation) writesTo(r GitRepository) bool {
	return a.Source == r.Name && cmp.Or(a.SourceNamespace, a.Namespace) == r.Namespace
}

// Of tells whether it is of the repository, owner/name; empty means any.
func (r GitRepository) Of(repository string) bool {
	return repository == "" || strings.EqualFold(repositoryOf(r.URL), repository)
}

// repositoryOf is owner/name of a repository's URL, as Flux takes it: https://,
// http:// or ssh://.
func repositoryOf(address string) string {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		return ""
	}
	_, path, _ := strings.Cut(rest, "/")
	return strings.TrimSuffix(strings.TrimSuffix(path, "/"), ".git")
}

// Branches are those of the repository's automation that pushes to a branch of its
// own; nothing where there is none.
func (c Cluster) Branches(repository string) doctor.Branches {
	x := newExaminer(c, Expectation{Repository: repository})
	for _, a := range x.runners {
		if slices.ContainsFunc(x.sources, a.writesTo) && a.PushBranch != "" && a.PushBranch != x.base(a) {
			return doctor.Branches{Head: a.PushBranch, Base: x.base(a), Signs: a.SigningKey != ""}
		}
	}
	return doctor.Branches{}
}
