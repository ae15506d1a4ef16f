package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
)

func main() {
	os.Exit(start())
}

// start gives run the real world, and a context that an interrupt cancels.
func start() int {
	// A check parses much and keeps little, in a process that lives for
	// milliseconds: a quarter of the collections for twice the memory, which is
	// half of what Flux's own setters take for the same change.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return run(console.World{
		Context: ctx, Environment: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}, os.Args[1:])
}
