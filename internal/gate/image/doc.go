// Package image knows image references, versions, the order that a Flux
// ImagePolicy puts tags in, and the step between two of them.
//
// It refuses to know registries, YAML, and which step the owner allows.
package image
