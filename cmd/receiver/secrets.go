package main

import (
	"cmp"
	"errors"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"

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
			switch absent := errors.Is(err, fs.ErrNotExist); {
			case absent && likeSecret(name):
				err = errors.New("read webhook secret: there is no such file")
				hint = "give the name of a file that holds the secret, and not the secret"
			case absent: // what is there is not to be written over
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

// likeSecret tells whether somebody may have given the secret where its file's name
// belongs: it is not repeated then.
func likeSecret(name string) bool {
	return len(name) >= 16 && !strings.ContainsAny(name, `/\.`) && strings.ContainsAny(name, "0123456789")
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
