package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
)

func main() {
	os.Exit(start())
}

// start gives run the real world, and a context that ends when the process is
// asked to stop.
func start() int {
	// A delivery is garbage a millisecond after it came in: fewer collections
	// save a third of the processor's time, for some 100 MB. Where memory grows,
	// because large bodies come in, they become as frequent as they have to.
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(400 << 20)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(console.World{
		Context: ctx, Environment: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}, os.Args[1:])
}
