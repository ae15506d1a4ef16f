// Package audit says what the bot's account did, as the ledger's entries show
// it, whether its owner expected that, and whether the record is complete.
//
// It refuses to know where entries are kept, how they came in, and how a report
// is laid out: plain values in, plain values out.
package audit
