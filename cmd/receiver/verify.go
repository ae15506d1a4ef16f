package main

import (
	"cmp"
	"encoding/hex"
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// verifyCmd recomputes everything.
type verifyCmd struct {
	appending
	Checkpoint        string   `placeholder:"FILE" help:"An older checkpoint, kept elsewhere: shows what was cut off or rewritten since."`
	PublicKey         string   `placeholder:"KEY" help:"The public key, or its file (default: the ledger's own word, which proves less)."`
	WebhookSecretFile []string `placeholder:"FILE" help:"A webhook secret: checks again the signature of each body that is held; several."`
	Record            bool     `help:"Put on record that it was verified, and nothing was wrong."`
	Format            string   `default:"text" enum:"text,json" placeholder:"FORMAT" help:"text (default) or json."`
}

// Run verifies, and prints what was found.
func (c *verifyCmd) Run(a *console.Console) error {
	public, err := publicKey(c.PublicKey)
	if err != nil {
		return console.Fail(console.StatusUsage, err, keyHint)
	}
	progress := a.Progress("verified", "entries")
	options := store.VerifyOptions{Public: public, Progress: progress.Set}
	if len(c.WebhookSecretFile) > 0 {
		if options.Secrets, err = readSecrets(c.WebhookSecretFile); err != nil {
			return err
		}
	}
	beside := ""
	if c.Checkpoint == "" {
		beside = c.where.checkpointFile()
		if options.Against, err = lastCheckpoint(beside); err != nil {
			return err
		}
	} else {
		if options.Against, err = a.ReadFile(c.Checkpoint, maxDocument); err != nil {
			return console.Fail(console.StatusUsage, fmt.Errorf("read checkpoint: %w", err),
				"give what `fluxkeeper-receiver checkpoint` printed, or what serve wrote to --checkpoint-file")
		}
	}
	l, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	found, err := l.Verify(a.Context, options)
	progress.End()
	if err != nil {
		return err
	}
	if c.Record && found.Verdict() == finding.Pass {
		seen := audit.Verified{Size: found.Size, Root: hex.EncodeToString(found.Root[:]), Elsewhere: c.Checkpoint != ""}
		if err := c.record(a, seen); err != nil {
			return err
		}
	}
	if beside != "" && len(options.Against) > 0 {
		found.Notes = append(found.Notes,
			"the checkpoint beside the ledger was taken: who can put an older copy of the one there can do so with the other")
	}
	if c.Format == "json" {
		err = text.JSON(a.Stdout, verificationDocument{Version: 1, Verdict: found.Verdict(), Verification: found})
	} else {
		err = found.Print(a.Stdout)
	}
	return cmp.Or(err, console.Conclude(found.Verdict()))
}

// record appends that the ledger was verified.
func (c *verifyCmd) record(a *console.Console, v audit.Verified) error {
	do, end, err := c.begin(a)
	if err != nil {
		return err
	}
	defer end()
	return do.ask(a.Context, opVerified, v, &struct{}{})
}

// verificationDocument is what verify found, for programs: docs/verification.schema.json.
type verificationDocument struct {
	Version int             `json:"version"`
	Verdict finding.Verdict `json:"verdict"`
	store.Verification
}
