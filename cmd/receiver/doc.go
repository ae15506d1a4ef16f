// Fluxkeeper-receiver keeps GitHub's webhook deliveries in a ledger that cannot
// be edited unseen, and answers questions about it.
//
// The packages it joins are listed in docs/design.md; it knows only how they fit
// together, and how a person or a container starts them.
package main
