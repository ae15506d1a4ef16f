// Package gate answers "is it only Flux?": Judge turns the owner's policy and
// the facts of a change into findings and a verdict. It is the second half of
// the route "git range or event → facts → changes and residue → findings →
// verdict".
//
// It refuses to know where facts come from and what day it is: a judge does no
// I/O, so the same facts give the same verdict, offline, years later.
package gate
