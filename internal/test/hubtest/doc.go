// Package hubtest builds a small repository with git, as a test wants it, and puts
// it on the fake GitHub.
//
// It refuses to know what is asked there; the tests do.
package hubtest
