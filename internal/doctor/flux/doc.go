// Package flux says what is wrong between Flux, its token and the git host, and
// what to do about it: it judges plain values that were read of a cluster, and
// recognises the failure texts of Flux and of git hosts.
//
// It refuses to know where the values come from, what time it is, and the value
// of any token: of a Secret it knows the names of its keys and fingerprints.
// What could not be read is told as such and never passes for good.
package flux
