// Package github gathers the facts of a pull request, or of a range of
// commits, through GitHub's API, and publishes what came of them. It also asks
// what became of webhooks' deliveries, and for lost ones again. It is the only
// place for go-github.
//
// It trusts object ids that it can recompute and numeric ids, never names that
// somebody chose. Whatever cannot be established is an error or a gap in the
// facts, never a smaller set of facts. A request that changes something is
// never sent twice unasked.
//
// It refuses to know what the facts mean; that is gate's and audit's.
package github
