// Package manifest knows YAML text with Flux's setter markers: it reads it,
// compares two versions, and re-executes Flux's update on the older one the
// way Flux's own library (kyaml) does.
//
// It refuses to know what a version is, which step is allowed and who made a
// change: a value between two quotes is text to it.
package manifest
