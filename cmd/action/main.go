package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
)

func main() {
	os.Exit(start())
}

// start gives run the real world, and a context that an interrupt cancels.
func start() int {
	// A check parses much and keeps little, in a process that lives for
	// milliseconds: half the collections for half as much memory again.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr)
}
