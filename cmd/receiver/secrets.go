package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// boundForm is what stands before a file whose secret is good for that alone.
var boundForm = regexp.MustCompile(`^[a-z]+/[1-9][0-9]*$`)

// bound takes "hook/4711=FILE" apart.
func bound(given string) (to, file string) {
	if to, file, ok := strings.Cut(given, "="); ok && boundForm.MatchString(to) {
		return to, file
	}
	return "", given
}

// readSecrets reads the webhook's live secrets: several while one is rotated.
func readSecrets(names []string) ([]secret.Secret, error) {
	var live []secret.Secret
	for _, given := range names {
		_, name := bound(given)
		value, err := console.ReadSecretFile(name)
		if err != nil {
			hint := "write the secret there, alone on one line, for the receiver's user to read"
			if errors.Is(err, fs.ErrNotExist) { // what is there is not to be written over
				hint = "make one with: openssl rand -hex 32 > " + name
			}
			return nil, console.Fail(console.StatusUsage, err, cmp.Or(text.HintOf(err), hint))
		}
		live = append(live, value)
	}
	if len(live) == 0 {
		return nil, console.Fail(console.StatusUsage, errors.New("no webhook secret given"),
			"make one with `openssl rand -hex 32 > webhook-secret`, give it to GitHub's webhook, and start with "+
				"--webhook-secret-file webhook-secret")
	}
	return live, nil
}

// warnTyped warns of secrets that somebody has thought up.
func warnTyped(log *slog.Logger, names []string, live []secret.Secret) {
	for i, one := range live {
		if secret.Typed(one.Reveal()) {
			log.Warn("the webhook secret looks typed rather than random: whoever holds one delivery can try such secrets offline",
				"file", names[i], "hint", "make one with: openssl rand -hex 32")
		}
	}
}

// follow reads the files again every so often, and when asked to, and hands the
// secrets over when they have changed, until the context ends. Files are read, not watched: a
// mounted Secret changes by a link that moves. What cannot be read leaves the
// old secrets alive.
func follow(ctx context.Context, names []string, live []secret.Secret, every time.Duration, asked <-chan os.Signal,
	log *slog.Logger, set func(...secret.Secret) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			log.Info("asked by SIGHUP to read the webhook secrets again")
		case <-time.After(every):
		}
		now, err := readSecrets(names)
		same := func(a, b secret.Secret) bool { return a.Reveal() == b.Reveal() }
		if err == nil && slices.EqualFunc(live, now, same) {
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
		warnTyped(log, names, live)
		log.Info("read new webhook secrets", "live", len(live))
	}
}
