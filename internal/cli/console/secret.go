package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// maxSecret bounds what is read for a secret: GitHub's longest are a tenth of it.
const maxSecret = 16 << 10

// ReadSecret reads a secret from standard input: from a terminal without showing
// it, after a prompt; from anything else up to its end. One line break at the end
// does not belong to it. An empty secret means that there was none.
func (c *Console) ReadSecret(prompt string) (secret.Secret, error) {
	if file, ok := asTerminal(c.Stdin); ok {
		fmt.Fprintf(c.Stderr, "%s: ", prompt)
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(c.Stderr)
		if err != nil {
			return secret.Secret{}, fmt.Errorf("read standard input: %w", err)
		}
		return TrimSecret(string(text)), nil
	}
	if c.Stdin == nil {
		return secret.Secret{}, nil
	}
	text, err := io.ReadAll(io.LimitReader(c.Stdin, maxSecret+1))
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read standard input: %w", err)
	}
	return sized(string(text), "standard input")
}

// StdinIsTerminal says whether a person types standard input.
func (c *Console) StdinIsTerminal() bool {
	_, ok := asTerminal(c.Stdin)
	return ok
}

// ReadSecretFile reads a secret from a file, likewise.
func ReadSecretFile(name string) (secret.Secret, error) {
	file, err := os.Open(name)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read secret: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read secret: %w", err)
	}
	return sized(string(text), "file")
}

func sized(text, where string) (secret.Secret, error) {
	if len(text) > maxSecret {
		return secret.Secret{}, errors.New("read secret: the " + where + " is too long to be one")
	}
	return TrimSecret(text), nil
}

// TrimSecret takes one line break off the end, which editors and echo add.
func TrimSecret(text string) secret.Secret {
	return secret.New(strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"))
}
