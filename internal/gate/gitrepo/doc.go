// Package gitrepo gathers the facts of a change out of a local Git repository:
// work tree, linked work tree or bare. It is the only place for go-git.
//
// It trusts nothing that it can recompute: every object read is held against
// its id, replace refs and grafts are ignored, and no hook, filter or other
// program of the repository's configuration ever runs. What it cannot
// establish is an error or a gap, never a smaller set of facts.
//
// It refuses to know what the facts mean; that is gate's.
package gitrepo
