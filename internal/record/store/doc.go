// Package store keeps the ledger: entries, bodies and the tree over them, in
// SQLite or PostgreSQL, with every answer given only after the disk has it.
//
// It knows both engines' SQL, how to make many appends one commit, and what to
// do when a disk or a server fails. It refuses to know what an entry means, who
// sent it, and how anybody asks.
package store
