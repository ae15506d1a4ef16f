// Package change knows the facts of a change: the commits, the files on three
// sides, and what of the base has a bearing on them. An edge gathers them, from
// a local repository or from GitHub; the judge looks at nothing else.
//
// It does no I/O, and knows neither the policy nor the judge.
package change
