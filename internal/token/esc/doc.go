// Package esc reads and writes single values of Pulumi ESC environments: what a
// value is when the environment is opened, how the environment's definition holds
// it (as a secret or in plain text), and how to put a new one there as a secret.
//
// It refuses to know what the values are for. Every value travels as a
// secret.Secret; a definition, which may hold plain ones, never leaves it.
package esc
