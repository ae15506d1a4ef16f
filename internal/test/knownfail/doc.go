// Package knownfail knows which tests state what is right and fail today.
//
// list.txt names each of them with its symptom, which is part of what the test
// says, and its reason. A test that asks for its verdict through Of fails when it
// is on the list and passes, or fails in another way than the symptom says; so a
// fixed fault or a broken test cannot hide. Delete the line, and it is a test as
// any other.
//
//	go test ./internal/test/knownfail -v    # what is left, and how much of each kind
//
// It refuses to excuse what goes wrong before the verdict: that is the test's own
// t, and fails it.
package knownfail
