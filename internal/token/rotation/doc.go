// Package rotation knows how a token is replaced: the steps that the ledger keeps,
// where a rotation stands, what it calls for, and which places hold the token.
//
// It refuses to read a place or to ask GitHub by itself: whoever does hands over
// what was seen.
package rotation
