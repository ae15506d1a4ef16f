// Package fluxkeeper holds no code: the programs are under cmd, and what they
// are made of is under internal. Its tests hold the whole tree to the design
// (docs/design.md): who may import whom, what a pure package may touch, and
// how big things may get.
package fluxkeeper
