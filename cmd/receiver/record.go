package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/proof"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
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

// find opens the ledger and finds the entry in it.
func (n named) find(ctx context.Context) (*store.Ledger, ledger.Record, error) {
	l, err := n.read(ctx)
	if err != nil {
		return nil, ledger.Record{}, err
	}
	record, err := l.Find(ctx, n.Entry)
	if err != nil {
		status := console.StatusUndecided
		if errors.Is(err, ledger.ErrNotFound) {
			status = console.StatusUsage
		}
		return nil, record, errors.Join(console.Fail(status, err, "name it by its index, its id, or the GUID of a delivery"), l.Close())
	}
	return l, record, nil
}

// proveCmd prints an inclusion proof.
type proveCmd struct{ named }

// Help is shown by prove --help.
func (proveCmd) Help() string {
	return `Prints the entry, its way to the root of the tree, and a signed checkpoint. Whoever has the public key can check that offline:

  fluxkeeper-receiver prove 4711 > entry-4711.json
  fluxkeeper-receiver check-proof entry-4711.json --public-key key.pub`
}

// Run prints the proof as JSON.
func (c *proveCmd) Run(a *console.Console) error {
	l, record, err := c.find(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	inclusion, err := l.Prove(a.Context, record.Index)
	// A receiver signs once a second: the newest entries wait for that.
	for tries := 0; errors.Is(err, store.ErrNotCovered) && tries < 20 && sleep(a.Context, 200*time.Millisecond); tries++ {
		inclusion, err = l.Prove(a.Context, record.Index)
	}
	if err != nil {
		return err
	}
	return printJSON(a.Stdout, inclusion)
}

func printJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// checkProofCmd checks a proof without a ledger.
type checkProofCmd struct {
	Proof     string `arg:"" complete:"file" help:"The file that prove wrote, or - for standard input."`
	PublicKey string `required:"" placeholder:"KEY" complete:"file" help:"The public key, or a file that holds it."`
	Body      string `placeholder:"FILE" complete:"file" help:"Also check that this is the entry's body."`
}

// Run checks, and says what is proven.
func (c *checkProofCmd) Run(a *console.Console) error {
	text, err := readDocument(a, c.Proof)
	if err != nil {
		return console.Fail(console.StatusUsage, fmt.Errorf("read proof: %w", err), proofHint)
	}
	var p proof.Inclusion
	if err := json.Unmarshal(text, &p); err != nil {
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
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + console.OneLine(line) + "\n")
	}
	return b.String()
}

// readDocument reads a file, or standard input for "-", up to a bound.
func readDocument(a *console.Console, name string) ([]byte, error) {
	in := a.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = fmt.Errorf("read %s: it has more than %d bytes", name, maxDocument)
	}
	return text, err
}

// publicKey is a public key given as itself, or as a file that holds it.
func publicKey(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	text, err := os.ReadFile(given)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if strings.Count(given, "+") >= 2 { // name+hash+data
		return given, nil
	}
	return "", fmt.Errorf("read public key: %w", err)
}

// checkpointCmd prints a checkpoint.
type checkpointCmd struct{ where }

// Help is shown by checkpoint --help.
func (checkpointCmd) Help() string {
	return `Prints the last signed checkpoint: how many entries there are, and the root of the tree over them. Keep it where whoever can write to the ledger cannot: then verify --checkpoint shows whether anything before it was altered or cut off.`
}

// Run prints the signed note.
func (c *checkpointCmd) Run(a *console.Console) error {
	l, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	signed, err := l.Checkpoint(a.Context)
	if err != nil {
		return err
	}
	_, err = a.Stdout.Write(signed)
	return err
}

// keyCmd prints the public key.
type keyCmd struct{ where }

// Run prints it.
func (c *keyCmd) Run(a *console.Console) error {
	l, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	public, err := l.PublicKey(a.Context)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.Stdout, public)
	return err
}

// showCmd prints a body.
type showCmd struct{ named }

// Run prints the body byte for byte to a file or a pipe; for a terminal it is
// made safe.
func (c *showCmd) Run(a *console.Console) error {
	l, record, err := c.find(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	body, err := l.Body(a.Context, record.Index)
	if errors.Is(err, ledger.ErrErased) {
		return console.Fail(console.StatusUndecided, err, fmt.Sprintf("its entry stays: `fluxkeeper-receiver prove %d` proves it", record.Index))
	}
	if err != nil {
		return console.Fail(console.StatusFail, err, "")
	}
	if a.IsTerminal() {
		body = []byte(console.OneLine(string(body)) + "\n")
	}
	_, err = a.Stdout.Write(body)
	return err
}

// healthcheckCmd asks a running receiver.
type healthcheckCmd struct {
	AdminListen string `default:"127.0.0.1:8081" placeholder:"ADDRESS" help:"The receiver's private listener (default: 127.0.0.1:8081)."`
}

// Help is shown by healthcheck --help.
func (healthcheckCmd) Help() string {
	return `Says nothing when the receiver is ready.

Exit status: 0 ready, 1 not ready or no answer.`
}

// Run is silent when the receiver is ready.
func (c *healthcheckCmd) Run(a *console.Console) error {
	ctx, cancel := context.WithTimeout(a.Context, 5*time.Second)
	defer cancel()
	address := c.AdminListen
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return console.Fail(console.StatusUsage, err, "")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return console.Fail(console.StatusFail, fmt.Errorf("ask receiver: %w", err), "is it running, and is --admin-listen the address that it was started with?")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		reason, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
		return console.Fail(console.StatusFail, errors.Join(fmt.Errorf("the receiver is not ready: %s", unready(reason)), err), "")
	}
	return nil
}

// unready is the reason that the receiver gives, or all of an answer that is not
// the receiver's.
func unready(answer []byte) string {
	var told struct{ Reason string }
	if err := json.Unmarshal(answer, &told); err != nil || told.Reason == "" {
		return string(answer)
	}
	return told.Reason
}
