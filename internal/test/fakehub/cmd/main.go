package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fakehub", flag.ContinueOnError)
	flags.SetOutput(stderr)
	story := flags.String("story", "", "JSON `file` that says what is on the hub (required)")
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	log := flags.String("log", "", "`file` for the requests, written at the end")
	state := flags.String("state", "", "`file` for what is on the hub at the end")
	address := flags.String("url", "", "`file` for the address of the REST API, written once it listens")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || *story == "" {
		flags.Usage()
		return 2
	}
	if err := serve(ctx, *story, *listen, *address, *log, *state, stdout); err != nil {
		fmt.Fprintln(stderr, "fakehub:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, story, listen, address, log, state string, stdout io.Writer) error {
	data, err := os.ReadFile(story)
	if err != nil {
		return err
	}
	told, err := fakehub.ReadStory(data)
	if err != nil {
		return err
	}
	hub, err := told.Tell(fakehub.Options{Listen: listen})
	if err != nil {
		return err
	}
	if address != "" {
		if err := os.WriteFile(address, []byte(hub.URL+"\n"), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout, hub.URL)
	<-ctx.Done()
	if log != "" {
		if err := os.WriteFile(log, []byte(hub.Log()), 0o644); err != nil {
			return err
		}
	}
	if state != "" {
		text := ""
		for _, r := range told.Repos {
			text += r.FullName() + "\n" + hub.State(r.FullName())
		}
		if err := os.WriteFile(state, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := hub.Close(); err != nil {
		return err
	}
	if wrong := hub.Problems(); wrong != nil {
		for _, one := range wrong {
			fmt.Fprintln(stdout, one)
		}
		return fmt.Errorf("%d problems", len(wrong))
	}
	return nil
}
