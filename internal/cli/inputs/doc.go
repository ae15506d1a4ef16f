// Package inputs is the one table of what a user of the Action can say: its
// inputs, with their defaults and meanings, and its outputs. The program reads
// its inputs by this table; action.yml and docs/settings.md are written from it.
//
// It refuses to know what a setting does: it hands over checked values.
package inputs
