package esc

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// Slot is where an environment keeps a token.
type Slot struct {
	client      *Client
	environment Environment
	path        Path
}

// Slot names a place for a token: "organization/project/environment", and a path in it.
func (c *Client) Slot(environment, path string) (Slot, error) {
	s := Slot{client: c}
	var err error
	if s.environment, err = ParseEnvironment(environment); err == nil {
		s.path, err = ParsePath(path)
	}
	return s, err
}

// where names the slot in records.
func (s Slot) where() string { return "esc " + s.environment.String() + " " + s.path.String() }

// Copy looks at what the slot holds.
func (s Slot) Copy(ctx context.Context) (rotation.Copy, error) {
	c := rotation.Copy{Place: rotation.Place{Where: s.where()}}
	d, err := s.client.Definition(ctx, s.environment)
	if err != nil {
		return c, err
	}
	c.Revision = strconv.FormatInt(d.Revision(), 10)
	form := d.At(s.path)
	if form == Plain {
		c.Remark = c.Where + " holds the token in plain text: whoever may read the environment's definition reads it"
	}
	if form != Absent {
		held, err := s.token(ctx, d.Revision())
		if err != nil {
			return c, err
		}
		if c.Token, c.Held = token.Fingerprint(held), held; c.Token == "" {
			return c, &Error{Op: "use " + c.Where, Text: "it holds no token of GitHub, and is left as it is",
				hint: "name another place with --esc-path"}
		}
	}
	c.Store = func(ctx context.Context, value secret.Secret) (string, error) { return s.store(ctx, d, value) }
	return c, nil
}

// token is what a revision of the environment has, or with 0 the newest.
func (s Slot) token(ctx context.Context, revision int64) (secret.Secret, error) {
	v, err := s.client.Value(ctx, s.environment, revision, s.path)
	return secret.New(strings.TrimSpace(v.Text.Reveal())), err
}

// Replaced is the token that the slot held before a rotation; empty where the
// rotation was not of this slot.
func (s Slot) Replaced(ctx context.Context, r rotation.Rotation) (secret.Secret, error) {
	for _, p := range r.Places {
		if before, err := strconv.ParseInt(p.Before, 10, 64); err == nil && before > 0 && p.Where == s.where() {
			return s.token(ctx, before)
		}
	}
	return secret.Secret{}, nil
}

// store puts a token into the slot of a definition that was looked at, and reads it back.
func (s Slot) store(ctx context.Context, seen Definition, value secret.Secret) (string, error) {
	revision, err := s.client.Set(ctx, s.environment, seen, s.path, value)
	if err != nil {
		return "", err
	}
	back, err := s.client.Value(ctx, s.environment, 0, s.path)
	if err != nil {
		return "", err
	}
	if back.Text.Reveal() != value.Reveal() || !back.Secret {
		return "", fmt.Errorf("set %s of environment %s: what is read back is another value, or no secret", s.path, s.environment)
	}
	return strconv.FormatInt(revision, 10), nil
}
