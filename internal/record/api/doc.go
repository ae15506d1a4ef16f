// Package api serves the private listener: metrics, health, and the ledger's
// entries, checkpoint and proofs for programs; and what is appended through it by
// whoever has the write token.
//
// It refuses to know how the ledger is kept, or what an operation does other than to
// erase. To read it asks nobody who they are: the listener is for the machine itself, or
// for a network that is trusted to read.
package api
