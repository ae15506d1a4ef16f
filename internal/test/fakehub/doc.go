// Package fakehub is a GitHub for tests: a real HTTP server over a real bare
// Git repository, with pull requests, accounts, tokens, webhooks and failures
// that a test sets. It really sends what its webhooks are told of.
//
// Every request and every answer is held against GitHub's own description of
// its REST API, every query against GitHub's own GraphQL schema (folder
// github). What those refuse fails the test with the place, as do an unknown
// route and a failure that was ordered and never met.
package fakehub
