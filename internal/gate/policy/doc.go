// Package policy knows the owner's policy: what a Flux image update may do, and
// who may make it. It reads the policy file, strictly, and says in plain words
// what it allows.
//
// It knows nothing of the judge, and of a change only what an account is.
package policy
