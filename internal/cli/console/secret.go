package console

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// maxSecret bounds what is read for a secret: GitHub's longest are a tenth of it.
const maxSecret = 16 << 10

// ReadSecret reads a secret from standard input: from a terminal without showing
// it, after a prompt; from anything else up to its end. An empty secret means that
// there was none.
func (c *Console) ReadSecret(prompt string) (secret.Secret, error) {
	const where = "standard input"
	if file, ok := asTerminal(c.Stdin); ok {
		fmt.Fprintf(c.Stderr, "%s: ", prompt)
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(c.Stderr)
		if err != nil {
			return secret.Secret{}, unread(err)
		}
		return oneLine(string(text), where)
	}
	if c.Stdin == nil {
		return secret.Secret{}, nil
	}
	text, err := bounded(c.Stdin, where)
	if err != nil {
		return secret.Secret{}, err
	}
	return oneLine(text, where)
}

// StdinIsTerminal says whether a person types standard input.
func (c *Console) StdinIsTerminal() bool {
	_, ok := asTerminal(c.Stdin)
	return ok
}

// Secret reads a secret from the file that a flag names, or else from a variable of
// the environment. It is empty where neither is there.
func (c *Console) Secret(file, variable string) (secret.Secret, error) {
	if file != "" {
		return ReadSecretFile(file)
	}
	text, _ := c.Environment(variable)
	return oneLine(text, "$"+variable)
}

// ReadSecretFile reads a secret from a file. Like every secret it is one line.
func ReadSecretFile(name string) (secret.Secret, error) {
	key, err := ReadKeyFile(name)
	if err != nil {
		return key, err
	}
	value, err := oneLine(key.Reveal(), strconv.Quote(name))
	if err == nil && value.Empty() {
		err = unread(fmt.Errorf("%q is empty", name))
	}
	return value, err
}

// ReadKeyFile reads a key of several lines from a file, such as PEM.
func ReadKeyFile(name string) (secret.Secret, error) {
	file, err := os.Open(name)
	if err != nil {
		return secret.Secret{}, unread(err)
	}
	defer file.Close()
	text, err := bounded(file, strconv.Quote(name))
	if err == nil && text == "" {
		err = unread(fmt.Errorf("%q is empty", name))
	}
	return secret.New(text), err
}

func bounded(in io.Reader, where string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	switch {
	case err != nil:
		return "", unread(err)
	case len(text) > maxSecret:
		return "", unread(fmt.Errorf("%s is too long to be one", where))
	}
	return string(text), nil
}

// oneLine takes line breaks off the end, which editors and echo add, and refuses
// what has more of them: whoever sent it on would send it wrong or in part.
func oneLine(text, where string) (secret.Secret, error) {
	line := strings.TrimRight(text, "\r\n")
	if strings.ContainsAny(line, "\r\n") {
		return secret.Secret{}, Fail(StatusUsage, fmt.Errorf("read secret: %s has several lines", where),
			"leave only the secret there, on one line")
	}
	return secret.New(line), nil
}

func unread(err error) error { return Fail(StatusUsage, fmt.Errorf("read secret: %w", err), "") }
