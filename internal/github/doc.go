// Package github is how the packages below it reach GitHub's API about one
// repository: the connection, its token or app, retries and limits, errors that a
// person can act on, and lists that are read to their end. With them it is the only
// place for go-github.
//
// A request that changes something is never sent twice unasked. It refuses to know
// what is asked for.
package github
