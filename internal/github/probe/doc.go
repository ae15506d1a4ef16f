// Package probe asks GitHub what a token can do, whether it still works, and to make
// it unusable. It sends few requests, of which none but a revocation changes
// anything, and stops where to go on would be pointless or harmful.
//
// It refuses to know what a token should be able to do; that is token's. No part of
// a token is in what it tells.
package probe
