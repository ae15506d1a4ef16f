package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// verifyCmd recomputes everything.
type verifyCmd struct {
	where
	Checkpoint        string   `placeholder:"FILE" help:"An older checkpoint, kept elsewhere: shows what was cut off or rewritten since."`
	PublicKey         string   `placeholder:"KEY" help:"The public key, or its file (default: the ledger's own word, which proves less)."`
	WebhookSecretFile []string `placeholder:"FILE" help:"A webhook secret: checks again the signature of each body that is held; several."`
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
		beside = c.checkpointFile()
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
	if beside != "" && len(options.Against) > 0 {
		found.Notes = append(found.Notes,
			"the checkpoint beside the ledger was taken: who can put an older copy of the one there can do so with the other")
	}
	verdict := finding.Pass
	switch {
	case !found.OK():
		verdict = finding.Fail
	case len(found.Gaps) > 0:
		verdict = finding.Undecided
	}
	if c.Format == "json" {
		err = text.JSON(a.Stdout, verificationDocument{Version: 1, Verdict: verdict, Verification: found})
	} else {
		err = printVerification(a.Stdout, found)
	}
	return cmp.Or(err, console.Conclude(verdict))
}

// verificationDocument is what verify found, for programs: docs/verification.schema.json.
type verificationDocument struct {
	Version int             `json:"version"`
	Verdict finding.Verdict `json:"verdict"`
	store.Verification
}

func printVerification(w io.Writer, v store.Verification) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	switch {
	case !v.OK():
		fmt.Fprintf(table, "FAIL\t%s\n", text.Count(int(v.Count), "fault"))
	case len(v.Gaps) > 0:
		fmt.Fprintf(table, "UNDECIDED\t%s\n", text.Count(len(v.Gaps), "gap"))
	default:
		fmt.Fprintln(table, "OK\tnothing was altered, removed, added or cut off")
	}
	fmt.Fprintf(table, "entries\t%d\n", v.Size)
	fmt.Fprintf(table, "bodies\t%d, %d bytes; %d erased\n", v.Bodies, v.Bytes, v.Erased)
	if v.Signatures > 0 {
		fmt.Fprintf(table, "signatures\t%d\n", v.Signatures)
	}
	fmt.Fprintf(table, "root\t%s\n", v.Root)
	fmt.Fprintf(table, "key\t%s\n", text.Line(v.PublicKey))
	for _, gap := range v.Gaps {
		fmt.Fprintf(table, "gap\t%s\n", text.Line(gap))
	}
	for _, note := range v.Notes {
		fmt.Fprintf(table, "note\t%s\n", text.Line(note))
	}
	if len(v.Faults) > 0 {
		fmt.Fprintln(table, "\nENTRY\tFAULT\tWHAT")
	}
	for _, f := range v.Faults {
		index := "-"
		if f.Index >= 0 {
			index = strconv.FormatInt(f.Index, 10)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", index, f.Kind, text.Line(f.Message))
	}
	if more := v.Count - int64(len(v.Faults)); more > 0 {
		fmt.Fprintf(table, "\t\tand %d more\n", more)
	}
	return table.Flush()
}
