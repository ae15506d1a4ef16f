// Release makes all that a release of Fluxkeeper holds, and pushes its images:
//
//	go run . make -version v1.2.3 -o DIR     in a clean clone, offline but for the module cache
//	go run . push -from DIR -to ghcr.io/goldfish-inc
//
// The same commit and version give the same bytes, in whatever folder, at whatever time, on whatever machine: one Go,
// pinned by the hash of what it consists of, compiles for every platform, and the images are put together from the
// programs, LICENSE and the roots of Mozilla that a Go module has. No engine, no emulation, no base image.
//
// It refuses to sign and to tag. That is GitHub's to do, in .github/workflows/release.yml.
package main
