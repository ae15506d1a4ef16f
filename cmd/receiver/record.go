package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/api"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/proof"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// maxDocument bounds what is read of a proof, a key or a checkpoint, in bytes.
const maxDocument = 1 << 20

// Where a proof and a public key come from.
const (
	proofHint = "give the JSON that `fluxkeeper-receiver prove` prints"
	keyHint   = "give the key itself, or the file that `fluxkeeper-receiver key` was written to"
)

// named is an entry named on the command line.
type named struct {
	where
	Entry string `arg:"" help:"The entry's index, its id, or the GUID of a delivery."`
}

// find finds the entry in the ledger.
func (n named) find(ctx context.Context, do func(*store.Ledger, ledger.Record) error) error {
	return n.with(ctx, func(l *store.Ledger) error {
		record, err := l.Find(ctx, n.Entry)
		const hint = "name it by its index, its id, or the GUID of a delivery"
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			return console.Fail(console.StatusUsage, err, hint)
		case err != nil:
			return console.Fail(console.StatusUndecided, err, hint)
		}
		return do(l, record)
	})
}

// proveCmd prints an inclusion proof.
type proveCmd struct{ named }

// Run prints the proof as JSON.
func (c *proveCmd) Run(a *console.Console) error {
	return c.find(a.Context, func(l *store.Ledger, record ledger.Record) error {
		inclusion, err := l.Prove(a.Context, record.Index)
		if err != nil {
			return err
		}
		return text.JSON(a.Stdout, inclusion)
	})
}

// checkProofCmd checks a proof without a ledger.
type checkProofCmd struct {
	Proof     string `arg:"" complete:"file" help:"The file that prove wrote, or - for standard input."`
	PublicKey string `required:"" placeholder:"KEY" help:"The public key, or a file that holds it."`
	Body      string `placeholder:"FILE" help:"Also check that this is the entry's body."`
}

// Run checks, and says what is proven.
func (c *checkProofCmd) Run(a *console.Console) error {
	given, err := a.ReadFile(c.Proof, maxDocument)
	var p proof.Inclusion
	if err == nil {
		err = json.Unmarshal(given, &p)
	}
	if err != nil {
		return console.Fail(console.StatusUsage, fmt.Errorf("read proof: %w", err), proofHint)
	}
	public, err := publicKey(c.PublicKey)
	if err != nil {
		return console.Fail(console.StatusUsage, err, keyHint)
	}
	if err := p.Verify(public); err != nil {
		return console.Fail(console.StatusFail, err, "")
	}
	if c.Body != "" {
		body, err := os.ReadFile(c.Body)
		if err != nil {
			return console.Fail(console.StatusUsage, err, "")
		}
		if err := p.VerifyBody(body); err != nil {
			return console.Fail(console.StatusFail, err, "")
		}
	}
	_, err = fmt.Fprintf(a.Stdout, "entry %d is in the ledger\n\n%s\n%s", p.Index, indent(p.Leaf), indent(p.Checkpoint))
	return err
}

// indent shows a text of several lines, each made safe for a terminal.
func indent(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		b.WriteString("  " + text.Line(line) + "\n")
	}
	return b.String()
}

// publicKey is a public key given as itself, or as a file that holds it.
func publicKey(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	key, err := os.ReadFile(given)
	if err == nil {
		return strings.TrimSpace(string(key)), nil
	}
	if strings.Count(given, "+") >= 2 { // name+hash+data
		return given, nil
	}
	return "", fmt.Errorf("read public key: %w", err)
}

// checkpointCmd prints a checkpoint.
type checkpointCmd struct{ where }

// Run prints the signed note.
func (c *checkpointCmd) Run(a *console.Console) error {
	return c.with(a.Context, func(l *store.Ledger) error {
		signed, err := l.Checkpoint(a.Context)
		if err == nil {
			_, err = a.Stdout.Write(signed)
		}
		return err
	})
}

// keyCmd prints the public key.
type keyCmd struct{ where }

// Run prints it.
func (c *keyCmd) Run(a *console.Console) error {
	return c.with(a.Context, func(l *store.Ledger) error {
		public, err := l.PublicKey(a.Context)
		if err == nil {
			_, err = fmt.Fprintln(a.Stdout, public)
		}
		return err
	})
}

// showCmd prints a body.
type showCmd struct{ named }

// Run prints the body byte for byte to a file or a pipe; for a terminal it is
// made safe.
func (c *showCmd) Run(a *console.Console) error {
	return c.find(a.Context, func(l *store.Ledger, record ledger.Record) error {
		body, err := l.Body(a.Context, record.Index)
		switch {
		case errors.Is(err, ledger.ErrErased):
			return console.Fail(console.StatusUndecided, err, fmt.Sprintf("its entry stays: `fluxkeeper-receiver prove %d` proves it", record.Index))
		case err != nil:
			return console.Fail(console.StatusFail, err, "")
		case a.IsTerminal():
			body = []byte(text.Line(string(body)) + "\n")
		}
		_, err = a.Stdout.Write(body)
		return err
	})
}

// healthcheckCmd asks a running receiver.
type healthcheckCmd struct {
	AdminListen string `default:"127.0.0.1:8081" placeholder:"ADDRESS" help:"The receiver's private listener."`
}

// Run is silent when the receiver is ready.
func (c *healthcheckCmd) Run(a *console.Console) error {
	ctx, cancel := context.WithTimeout(a.Context, 5*time.Second)
	defer cancel()
	if err := api.AskReady(ctx, c.AdminListen); err != nil {
		return console.Fail(console.StatusFail, err, "")
	}
	return nil
}
