// Package gate knows the owner's policy, the facts of a change, and Judge,
// which turns the two into findings and a verdict. It is the second half of
// the route "git range or event → facts → changes + residue → findings →
// verdict".
//
// It refuses to know where facts come from and what day it is: a judge does no
// I/O, so the same facts give the same verdict, offline, years later.
package gate
