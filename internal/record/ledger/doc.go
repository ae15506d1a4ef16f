// Package ledger holds the nouns of the record: entries, their leaves, the tree
// over them (RFC 6962), checkpoints that sign the tree, and what a receipt says.
//
// It refuses to know where entries come from, where they are kept, and what
// they mean.
package ledger
