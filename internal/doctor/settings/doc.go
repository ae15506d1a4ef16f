// Package settings says what is wrong with what is set on GitHub around Flux's
// pull requests: rules of branches, the required check, GitHub Actions and the
// workflow, the webhook of the record.
//
// It refuses to know how settings are read, and what a token is. What could not be
// read is told as such and never passes for good.
package settings
