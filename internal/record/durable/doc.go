// Package durable writes small files that a crash leaves whole or not at all: signing
// keys and checkpoints.
//
// It refuses to know what they hold.
package durable
