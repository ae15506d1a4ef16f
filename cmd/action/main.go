package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	os.Exit(start())
}

// start gives run the real world, and a context that an interrupt cancels.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr)
}
