// Package doctor has what its two halves share: the checks that a checkup is made
// of, and how they are run. flux says what is wrong between Flux, its token and the
// git host, settings what is wrong with what is set on GitHub.
//
// They judge plain values and refuse to know where these come from, what time it
// is, and the value of any token. What could not be read is told as such and never
// passes for good.
package doctor
