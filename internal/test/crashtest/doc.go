// Package crashtest holds the receiver to its one promise: what it acknowledged
// is in the ledger, once, as it was sent, whatever happened afterwards.
//
// It runs the real program, sends it signed deliveries from many clients, and
// meanwhile kills it, cuts its power, kills its database, or takes its disk
// away. The clients write down every request and what came of it; Check holds
// that history, the ledger that was found afterwards and the checkpoints that
// were seen on the way against a small model.
//
// It refuses to know how the receiver works: it speaks HTTP to it, and reads the
// ledger when the program is gone.
package crashtest
