// Package durable writes small files that a crash leaves whole or not at all: signing
// keys and checkpoints. A process can hold one of them.
//
// It refuses to know what they hold.
package durable
