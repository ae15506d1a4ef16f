package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// maxSecret is more than any secret has, in bytes.
const maxSecret = 64 << 10

// readSecret reads a secret from a file, without the line's end that editors
// leave there.
func readSecret(name string) (secret.Secret, error) {
	file, err := os.Open(name)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read secret: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read secret: %w", err)
	}
	if len(text) > maxSecret {
		return secret.Secret{}, fmt.Errorf("read secret: %s has more than %d bytes", name, maxSecret)
	}
	value, err := secret.Require(string(bytes.TrimRight(text, "\r\n")))
	if err != nil {
		return value, fmt.Errorf("read secret: %s: %w", name, err)
	}
	return value, nil
}

// readSecrets reads the webhook's live secrets: several while one is rotated.
func readSecrets(names []string) ([]secret.Secret, error) {
	var live []secret.Secret
	for _, name := range names {
		value, err := readSecret(name)
		if err != nil {
			return nil, console.Fail(console.StatusUsage, err, "make one with: openssl rand -hex 32 > "+name)
		}
		live = append(live, value)
	}
	if len(live) == 0 {
		return nil, console.Fail(console.StatusUsage, errors.New("no webhook secret given"),
			"make one with `openssl rand -hex 32 > webhook-secret`, give it to GitHub's webhook, and start with --webhook-secret-file webhook-secret")
	}
	return live, nil
}

// follow reads the files again every so often and hands the secrets over when
// they have changed, until the context ends. Files are read, not watched: a
// mounted Secret changes by a link that moves. What cannot be read leaves the
// old secrets alive.
func follow(ctx context.Context, names []string, live []secret.Secret, every time.Duration, log *slog.Logger, set func(...secret.Secret) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := readSecrets(names)
		if err == nil && slices.EqualFunc(live, now, sameSecret) {
			continue
		}
		if err == nil {
			err = set(now...)
		}
		if err != nil {
			log.Error("the webhook secrets stay as they were", "error", err)
			continue
		}
		live = now
		log.Info("read new webhook secrets", "live", len(live))
	}
}

func sameSecret(a, b secret.Secret) bool { return a.Reveal() == b.Reveal() }
