// Package token knows what a token for Flux must be able to do, and judges by
// GitHub's answers what one can do: its kind, its expiry, its owner, which
// repositories it reaches, and which permissions it misses or has too many.
//
// It refuses to ask anybody: internal/github does, and hands the answers over
// as plain values. It never holds a token itself, only what was seen of one.
package token
