// Package secret holds values that must never be printed: tokens and keys.
//
// It refuses to know what a secret is for, or where it comes from.
package secret
