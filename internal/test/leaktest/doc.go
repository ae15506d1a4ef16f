// Package leaktest finds the secrets that the tests use where no secret may be:
// in what the programs print and keep, and in what they send to others.
//
// It knows a secret by its look, in any process and in every usual encoding:
// whatever begins as a token does, keys, tokens of three parts, passwords in
// addresses, and Mark, which is in every secret that has no look of its own. So a
// test need not say which secrets it uses; the fake GitHub takes no other ones.
//
// It refuses to show what it found: it says what it is, and where it stands.
package leaktest
