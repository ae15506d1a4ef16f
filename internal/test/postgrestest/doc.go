// Package postgrestest starts throw-away PostgreSQL servers for tests, out of
// the programs that are installed, and stops, kills and restarts them. They
// write as durably as a real one: fsync is on.
//
// It refuses to know what is kept in them.
package postgrestest
