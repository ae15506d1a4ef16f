// Package pattern matches the patterns of the policy file: of branches, paths,
// images and repositories.
package pattern
