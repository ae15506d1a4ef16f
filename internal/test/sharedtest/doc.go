// Package sharedtest finds the test data beside the repository, in ../shared:
// commits and logs of other people, which are not ours to publish.
//
// A test that reads them is skipped where they are missing, as they are in most
// clones. FLUXKEEPER_SHARED=required says that they have to be there; then it
// fails. It is a variable of its own, as CI is set on machines that lack them too.
package sharedtest
