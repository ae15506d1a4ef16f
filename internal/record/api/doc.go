// Package api serves the private listener: metrics, health, and the ledger's
// entries, checkpoint and proofs for programs.
//
// It refuses to know how the ledger is kept, and asks nobody who they are: the
// listener is for the machine itself, or for a network that is trusted to read.
package api
