package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/api"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/durable"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// appending says how a command appends: through a receiver that runs, or with the key
// while none does.
type appending struct {
	signed
	Receiver       string `placeholder:"URL" help:"Append through the private listener of this receiver, such as http://127.0.0.1:8081."`
	WriteTokenFile string `placeholder:"FILE" help:"The write token of that receiver."`
}

// The operations besides erasing.
const (
	opRotations = "rotations"
	opRotate    = "rotate"
	opVerified  = "verified"
)

// operations are what can be appended besides deliveries, and what has to be known
// before: for the private listener, and for who holds the key.
func operations(l *store.Ledger) api.Operations {
	all := api.Erasing(l)
	all[opRotations] = api.Typed(func(ctx context.Context, _ struct{}) ([]rotation.Record, error) {
		h, err := rotation.Whole(ctx, l)
		return h.Records, err
	})
	all[opRotate] = func(ctx context.Context, question []byte) (any, error) {
		r, err := rotation.ParseRecord(question)
		if err != nil {
			return nil, api.Refused{What: err.Error()}
		}
		return struct{}{}, r.Keep(ctx, l.Keep)
	}
	all[opVerified] = api.Typed(func(ctx context.Context, v audit.Verified) (struct{}, error) {
		entry, body, err := v.Entry(now())
		if err == nil {
			err = l.Keep(ctx, entry, body)
		}
		return struct{}{}, err
	})
	return all
}

// operator does an operation, here or at a receiver.
type operator func(ctx context.Context, name string, question, answer any) error

// begin gives what does the operations, and what ends that.
func (c appending) begin(a *console.Console) (operator, func(), error) {
	if c.Receiver == "" {
		return c.alone(a)
	}
	if c.WriteTokenFile == "" {
		return nil, nil, console.Fail(console.StatusUsage, errors.New("--receiver: the write token is needed"),
			"name the file that the receiver was started with, with --write-token-file")
	}
	token, err := console.ReadSecretFile(c.WriteTokenFile)
	if err != nil {
		return nil, nil, err
	}
	receiver, err := api.NewReceiver(c.Receiver, token)
	if err != nil {
		return nil, nil, console.Fail(console.StatusUsage, fmt.Errorf("--receiver: %w", err), "")
	}
	return receiver.Do, func() {}, nil
}

// alone opens the ledger with its key, which no receiver has meanwhile.
func (c appending) alone(a *console.Console) (operator, func(), error) {
	l, end, err := c.hold(a.Context, store.Options{Log: a.Log("auto", slog.LevelInfo)})
	if err != nil {
		return nil, nil, err
	}
	return operations(l).Do, end, nil
}

// lease keeps the key for this process: receivers share it, a command has it alone.
func (s signed) lease(alone bool) (release func(), err error) {
	release, err = durable.Hold(s.keyFile(), alone)
	switch {
	case err == nil:
		return release, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, noKey(err)
	case !errors.Is(err, durable.ErrHeld):
		return nil, console.Fail(console.StatusUsage, fmt.Errorf("hold signing key: %w", err),
			"keep the key where files can be locked")
	case alone:
		return nil, console.Fail(console.StatusUsage, fmt.Errorf("a receiver runs with the signing key %s", s.keyFile()),
			"append through it, with --receiver and --write-token-file, or stop it first")
	}
	return nil, console.Fail(console.StatusUndecided, fmt.Errorf("a command appends with the signing key %s", s.keyFile()),
		"start the receiver when that has ended")
}

// ask does an operation; what is refused is wrong usage.
func (do operator) ask(ctx context.Context, name string, question, answer any) error {
	err := do(ctx, name, question, answer)
	if refused, ok := errors.AsType[api.Refused](err); ok {
		return console.Fail(console.StatusUsage, refused, "")
	}
	return err
}

// history is the rotations on record.
func (do operator) history(ctx context.Context) (rotation.History, error) {
	var records []rotation.Record
	err := do.ask(ctx, opRotations, struct{}{}, &records)
	return rotation.History{Records: records, Rotations: rotation.Join(records)}, err
}

// record puts a step of a rotation on record.
func (do operator) record(ctx context.Context, r rotation.Record) error {
	return do.ask(ctx, opRotate, r, &struct{}{})
}

// tokenOf reads a token of the private listener, for reading or writing; without a file it
// is empty.
func tokenOf(file, what string) (secret.Secret, error) {
	if file == "" {
		return secret.Secret{}, nil
	}
	const hint = "make one with: openssl rand -hex 32"
	token, err := console.ReadSecretFile(file)
	if err == nil && secret.Typed(token.Reveal()) {
		err = console.Fail(console.StatusUsage, fmt.Errorf("the %s token in %q looks typed rather than random", what, file), hint)
	}
	return token, err
}
