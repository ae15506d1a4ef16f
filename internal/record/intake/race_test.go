//go:build race

package intake_test

// Under the race detector everything takes more memory and time.
const raced = true
