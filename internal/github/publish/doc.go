// Package publish says on GitHub what came of a judgement: check runs, statuses,
// comments and labels, pull requests that it opens, closes and merges, and one
// issue. It carries out plans action by action. No request that changes something
// is sent twice unasked: after an unclear failure the state is read again, and
// what is left to do is planned anew.
//
// What is ours is known by who made it, never by a name or a mark alone. It
// refuses to know why something is to be published; that is plan's and gate's.
package publish
