// Package reconcile holds a ledger against what GitHub says it sent: it asks for what
// is missing, and states how complete the record is.
//
// It refuses to know how GitHub is asked and where the ledger is, and keeps no state:
// what was asked for before stands in GitHub's own lists.
package reconcile
