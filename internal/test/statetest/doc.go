// Package statetest holds every command of both programs to the same states: what
// exit status it ends with, and which verdict its JSON has.
//
// It refuses to know how a command is brought into a state; each program's tests say so.
package statetest
