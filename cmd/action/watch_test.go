package main

import (
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// watched runs the program in this process, as run does, and fails the test where
// what it prints holds a secret.
func watched(t testing.TB, w console.World, args []string) int {
	var excuses []leaktest.Excuse
	if args[0] == "action" {
		excuses = append(excuses, leaktest.Masks)
	}
	w.Stdout, w.Stderr = leaktest.Watch(t, "stdout", w.Stdout, excuses...), leaktest.Watch(t, "stderr", w.Stderr)
	return run(w, args)
}
