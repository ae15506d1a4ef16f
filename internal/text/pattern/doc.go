// Package pattern matches the patterns of the policy file and of workflows: of branches, paths,
// images and repositories. Regular expressions of the code are compiled here when they are first used.
package pattern
