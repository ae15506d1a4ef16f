// Package facts gathers the facts of a pull request, or of a range of commits,
// through GitHub's API, and reads the files of commits.
//
// It trusts object ids that it can recompute and numeric ids, never names that
// somebody chose. Whatever cannot be established is an error or a gap in the
// facts, never a smaller set of facts. It refuses to know what facts mean; that
// is gate's.
package facts
