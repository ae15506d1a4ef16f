// Package pattern matches the patterns of the policy file and of workflows: of branches, paths,
// images and repositories.
package pattern
