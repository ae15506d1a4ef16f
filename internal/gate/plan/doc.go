// Package plan decides what to do on GitHub: what to publish of a verdict, and
// how to open, refresh, close and merge the pull requests of image updates. Each
// plan is a function of what was judged and of what is on GitHub now, so that it
// can be printed before anything happens, and so that a second run, or a run
// after an unclear failure, plans only what is left to do.
//
// It refuses to talk to anybody; internal/github carries the plans out.
package plan
