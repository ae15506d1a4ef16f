// Package github is how the packages below it reach GitHub's API about one
// repository: the connection, its token or app, retries and limits, errors that a
// person can act on, and lists that are read to their end. With them it is the only
// place for go-github. It also gathers the facts of a pull request, or of a range
// of commits.
//
// It trusts object ids that it can recompute and numeric ids, never names that
// somebody chose. Whatever cannot be established is an error or a gap in the
// facts, never a smaller set of facts. A request that changes something is
// never sent twice unasked.
//
// It refuses to know what is asked for, and what facts mean; that is gate's and
// audit's.
package github
