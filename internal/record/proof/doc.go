// Package proof checks offline that an entry is in a ledger: with a checkpoint,
// the public key it was signed with, and nothing else. It shares no code with
// what makes the proofs and needs only the standard library, so that an auditor
// can read it in one sitting, or take it along.
//
// It refuses to know how a ledger is kept.
package proof
