package token

import (
	"maps"
	"slices"
	"strings"
)

// Level is how far a permission goes.
type Level string

// The levels.
const (
	None  Level = "none"
	Read  Level = "read"
	Write Level = "write"
)

// covers says whether having l suffices where need is needed.
func (l Level) covers(need Level) bool { return l == need || l == Write || need == None }

// Names of permissions, as GitHub's API has them.
const (
	Metadata     = "metadata"
	Contents     = "contents"
	PullRequests = "pull_requests"
	Statuses     = "statuses"
	Workflows    = "workflows"
)

// Need is what a token is for. A token that can do less does not work, one that
// can do more is a danger without a use.
type Need struct {
	// Repositories are the full names of those that it must reach: these and no others.
	Repositories []string `json:"repositories"`
	// Permissions are those that it must have, Optional those that it may have.
	Permissions map[string]Level `json:"permissions"`
	Optional    map[string]Level `json:"optional,omitempty"`
	// Name is what it should be called; {project} stands for a repository's name.
	Name string `json:"name,omitempty"`
	// Account is the login of the machine user that it should belong to; empty
	// where nobody said.
	Account string `json:"account,omitempty"`
	// MaxDays is the longest life that it should have ahead of it.
	MaxDays int `json:"max_days"`
}

// DefaultName is the naming convention: purpose, project, type.
const DefaultName = "flux-{project}-automation"

// DefaultMaxDays is how often a token is to be made anew: each quarter.
const DefaultMaxDays = 90

// ForFlux is what Flux's image automation needs: it pushes a branch and opens
// pull requests from it. A permission of its own, Workflows, is needed to change
// files under .github/workflows; Actions is about runs, not files.
func ForFlux(repositories []string, workflows bool) Need {
	n := Need{
		Repositories: repositories,
		Permissions:  map[string]Level{Metadata: Read, Contents: Write, PullRequests: Write},
		Optional:     map[string]Level{Statuses: Write},
		Name:         DefaultName, MaxDays: DefaultMaxDays,
	}
	if workflows {
		n.Permissions[Workflows] = Write
	}
	return n
}

// Names are the names that the convention allows, one for each repository.
func (n Need) Names() []string {
	var all []string
	for _, full := range n.Repositories {
		_, project, _ := strings.Cut(full, "/")
		all = append(all, strings.ReplaceAll(n.Name, "{project}", project))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// allows says whether the need accounts for having a permission.
func (n Need) allows(name string, have Level) bool {
	return n.Permissions[name].covers(have) && n.Permissions[name] != "" ||
		n.Optional[name].covers(have) && n.Optional[name] != ""
}

// declares says whether a repository is one of those that the token is for.
func (n Need) declares(full string) bool {
	return slices.ContainsFunc(n.Repositories, func(r string) bool { return strings.EqualFold(r, full) })
}

// needed lists the permissions, sorted.
func (n Need) needed() []string { return slices.Sorted(maps.Keys(n.Permissions)) }

// title is a permission's name as GitHub's settings show it.
func title(permission string) string {
	switch permission {
	case "repository_hooks":
		return "Webhooks"
	case Statuses:
		return "Commit statuses"
	case "":
		return ""
	}
	text := strings.ReplaceAll(permission, "_", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}
