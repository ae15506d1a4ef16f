// Command sift reads what go test -json writes, shows of it what go test without
// -v shows, and fails where anything that the tests print, shown or not, holds a
// secret. It ends with the tests that were skipped, by the reason that they give,
// and fails where test data were missing that FLUXKEEPER_SHARED requires.
//
//	go test -json ./... | go run ./internal/test/leaktest/sift
//
// It refuses to judge the tests: go test's own status says whether they passed.
package main
