// Package proposal is the words of a pull request that proposes an image
// update: it writes title and body from the updates, and reads the list of
// updates back from a body, whoever wrote it. One place does both, so that what
// is written is never found to say something else.
//
// It refuses to know whether an update is a good one; that is gate's.
package proposal
