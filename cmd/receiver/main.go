package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
)

func main() {
	os.Exit(start())
}

// start gives run the real world, and a context that ends when the process is
// asked to stop.
func start() int {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		limitMemory()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(console.World{
		Context: ctx, Environment: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}, os.Args[1:])
}
