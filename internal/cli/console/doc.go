// Package console is what the command lines of both programs have in common:
// exit statuses, errors with hints, help, completion scripts, version, colour.
//
// It refuses to know any command.
package console
