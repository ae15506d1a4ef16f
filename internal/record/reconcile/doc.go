// Package reconcile holds a ledger against what GitHub says it sent: it asks for what
// is missing, and states how complete the record is. GitHub's log has our answers, too,
// which name entries: those must be in the ledger.
//
// It refuses to know how GitHub is asked and where the ledger is. What was asked for
// before stands in GitHub's own lists, and which answers were looked at in the ledger.
package reconcile
