package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SecretJob is a job that runs the Action and is given secrets. A secret of an environment is for the branches that the
// environment names; any other is for every workflow that a writer pushes to any branch.
type SecretJob struct {
	Job         string
	Environment string
	Secrets     []string
}

// Environment says which branches may use an environment of the repository, and so its secrets.
type Environment struct {
	Name string
	// Missing environments are not there: the first job that names one makes it, for all branches.
	Missing bool
	// Protected is for the branches that have branch protection, Custom for those of the patterns; neither is for all.
	Protected, Custom bool
	Branches, Tags    []string
}

// EnvironmentsUsed are those that jobs take secrets from. What an expression works out is not among them.
func (s Settings) EnvironmentsUsed() []string {
	var names []string
	for _, w := range s.Workflows {
		for _, j := range w.Secretive {
			if j.Environment != "" && !strings.Contains(j.Environment, "${{") {
				names = append(names, j.Environment)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var (
	expression = regexp.MustCompile(`(?s)\$\{\{.*?\}\}`)
	secretName = regexp.MustCompile(`(?i)\bsecrets\b(?:\s*\.\s*([a-z_]\w*)|\s*\[\s*'([a-z_]\w*)'\s*\])?`)
)

// secretsIn are the names of the secrets that a text takes, in capitals as GitHub has them; * is all.
// The workflow's own token is none.
func secretsIn(text string) []string {
	var names []string
	for _, e := range expression.FindAllString(text, -1) {
		for _, m := range secretName.FindAllStringSubmatch(e, -1) {
			name := strings.ToUpper(m[1] + m[2])
			if name == "" {
				name = "*"
			}
			if name != "GITHUB_TOKEN" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// secrets looks for secrets of the Action's jobs that any workflow can read.
func (x *examiner) secrets() {
	for _, w := range x.Workflows {
		for _, j := range w.Secretive {
			what := strings.ReplaceAll(strings.Join(j.Secrets, ", "), "*", "all secrets")
			if strings.Contains(j.Environment, "${{") {
				x.Gap("which environment the job %q in %s takes %s from", j.Job, w.Path, what)
				continue
			}
			if problem := x.exposed(j); problem != "" {
				x.Report("github/secret-open", "keep the secret in an environment whose deployment branches are the branch that the job runs on "+
					"alone, and nowhere else: Settings, Environments", "the job %q in %s takes %s %s", j.Job, w.Path, what, problem)
			} else if i := x.environment(j.Environment); i >= 0 && !x.Lacks(CheckSecrets) {
				x.Evidence("the job %q in %s takes %s from environment %q, which is for %s", j.Job, w.Path, what, j.Environment,
					x.Environments[i].branches())
			}
		}
	}
}

func (x *examiner) environment(name string) int {
	return slices.IndexFunc(x.Environments, func(e Environment) bool { return strings.EqualFold(e.Name, name) })
}

// branches says whom an environment is for.
func (e Environment) branches() string {
	if e.Protected {
		return "protected branches"
	}
	return "branch " + strings.Join(e.Branches, ", ")
}

// exposed says how workflows of other branches can read a job's secrets; "" where they cannot, or that was not read.
func (x *examiner) exposed(j SecretJob) string {
	if j.Environment == "" {
		return "from no environment, so that a workflow which any writer pushes to any branch can read them"
	}
	for _, name := range j.Secrets {
		if slices.Contains(x.Exposed, name) {
			return fmt.Sprintf("from environment %q, and %s is a secret of the repository or the organization, too, which every branch's workflows "+
				"can read", j.Environment, name)
		}
	}
	i := x.environment(j.Environment)
	if i < 0 {
		return "" // not read, which is a gap of its own
	}
	switch e := x.Environments[i]; {
	case e.Missing:
		return fmt.Sprintf("from environment %q, which is not there: the job makes one for all branches", e.Name)
	case e.Protected && x.Base.Protection == nil && !x.Lacks(CheckBase):
		return fmt.Sprintf("from environment %q, which is for protected branches: while no branch has branch protection, that is all of them, "+
			"and rulesets do not count", e.Name)
	case e.Protected:
		return ""
	case !e.Custom:
		return fmt.Sprintf("from environment %q, which every branch may use", e.Name)
	case len(e.Tags) > 0:
		return fmt.Sprintf("from environment %q, which the tags %s may use, too", e.Name, strings.Join(e.Tags, ", "))
	default:
		known := append(x.intent.Guarded(x.DefaultBranch), x.Base.Name, x.Head.Name)
		for _, b := range e.Branches {
			if !slices.Contains(known, b) {
				return fmt.Sprintf("from environment %q, which branch %s may use, too", e.Name, b)
			}
		}
		return ""
	}
}
