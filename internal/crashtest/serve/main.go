package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	err := run(ctx, log, os.Args)
	stop()
	if err != nil {
		log.Error("stopped", "error", err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, log *slog.Logger, args []string) (err error) {
	if len(args) < 2 || args[1] != "serve" {
		return errors.New("usage: serve [flags]")
	}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	var (
		listen  = flags.String("listen", "127.0.0.1:0", "the public address")
		admin   = flags.String("admin-listen", "127.0.0.1:0", "the private address")
		address = flags.String("ledger", "", "where the ledger is")
		hook    = flags.String("webhook-secret-file", "", "the webhook secret")
		signing = flags.String("signing-key-file", "", "the signing key; made where there is none")
	)
	if err := flags.Parse(args[2:]); err != nil {
		return err
	}
	key, err := signingKey(*signing)
	if err != nil {
		return err
	}
	book, err := store.Open(ctx, store.Options{Address: *address, Key: key, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	value, err := os.ReadFile(*hook)
	if err != nil {
		return err
	}
	secrets, err := intake.NewSecrets(secret.New(strings.TrimSpace(string(value))))
	if err != nil {
		return err
	}
	in, err := intake.New(intake.Options{Ledger: book, Secrets: secrets, Log: log})
	if err != nil {
		return err
	}
	return serve(ctx, log, intake.Server(in.Handler(), log), &http.Server{Handler: private(book), ReadHeaderTimeout: time.Second}, *listen, *admin)
}

func serve(ctx context.Context, log *slog.Logger, public, private *http.Server, listen, admin string) error {
	front, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	back, err := net.Listen("tcp", admin)
	if err != nil {
		return err
	}
	log.Info("serving", "listen", front.Addr().String(), "admin", back.Addr().String())
	ended := make(chan error, 2)
	go func() { ended <- public.Serve(front) }()
	go func() { ended <- private.Serve(back) }()
	select {
	case err = <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return errors.Join(public.Shutdown(drain), private.Close())
}

func private(book *store.Ledger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := book.Ready(ctx); err != nil {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /api/v1/checkpoint", func(w http.ResponseWriter, r *http.Request) {
		signed, err := book.Checkpoint(r.Context())
		if err != nil {
			http.Error(w, "no checkpoint", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(signed)
	})
	return mux
}

// signingKey reads the key, and makes one where there is none.
func signingKey(path string) (ledger.Key, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return ledger.ParseKey(secret.New(string(text)))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return ledger.Key{}, err
	}
	key, err := ledger.NewKey(rand.Reader, "crashtest.example")
	if err != nil {
		return key, err
	}
	if err := os.WriteFile(path, []byte(key.Private().Reveal()+"\n"), 0o600); err != nil {
		return key, fmt.Errorf("keep signing key: %w", err)
	}
	return key, nil
}
