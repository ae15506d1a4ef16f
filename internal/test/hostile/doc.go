// Package hostile knows what an attacker puts into a text, and what a line of
// output must not do to whoever looks at it.
//
// It is for tests only.
package hostile
