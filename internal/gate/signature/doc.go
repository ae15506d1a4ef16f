// Package signature verifies the signatures of commits with the keys that the
// policy pins: OpenPGP and SSH, over bytes that the caller has.
//
// It refuses to know where a commit comes from, and never trusts a key that
// came with it.
package signature
