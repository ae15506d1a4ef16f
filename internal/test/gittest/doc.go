// Package gittest builds a real repository with git, commit by commit, whose ids are
// the same each time.
package gittest
