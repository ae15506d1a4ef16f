package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// exportCmd writes everything.
type exportCmd struct{ where }

// Help is shown by export --help.
func (exportCmd) Help() string {
	return `Writes a line of JSON with the public key and a signed checkpoint, then one for each entry with its body
and its proof. Standard output is all that is written to:

  fluxkeeper-receiver export | zstd > ledger.jsonl.zst`
}

// Run writes to standard output.
func (c *exportCmd) Run(a *console.Console) error {
	return c.with(a.Context, func(l *store.Ledger) error {
		out := bufio.NewWriterSize(a.Stdout, 1<<20)
		if err := l.Export(a.Context, out); err != nil {
			return err
		}
		return out.Flush()
	})
}

// importCmd reads an export.
type importCmd struct {
	signed
	File string `arg:"" default:"-" help:"The export, or - for standard input (default)."`
}

// Help is shown by import --help.
func (importCmd) Help() string {
	return `Reads an export into a ledger that holds nothing yet. Every line is verified, and the tree comes out the
same; the key has to be the same too. It is all there in the end, or nothing.

  zstd -dc ledger.jsonl.zst | fluxkeeper-receiver import --ledger postgres://fluxkeeper@db/fluxkeeper --signing-key-file fluxkeeper.db.key

Exit status: 0 all of it was taken, 1 the export was altered or cut off, 2 it is no export, of another key, or for a
ledger in use, 3 could not tell.`
}

// Run reads it, whole or not at all.
func (c *importCmd) Run(a *console.Console) error {
	in, err := a.Open(c.File)
	if err != nil {
		return console.Fail(console.StatusUsage, fmt.Errorf("read export: %w", err),
			"name the file that `fluxkeeper-receiver export` was written to")
	}
	defer in.Close()
	l, err := c.existing(a.Context, store.Options{Log: a.Log("auto", slog.LevelInfo)})
	if err != nil {
		return err
	}
	defer l.Close()
	progress := a.Progress("read", "bytes")
	err = store.Import(a.Context, &counted{in: in, tell: progress.Set}, l)
	progress.End()
	if err != nil {
		return refusedImport(err)
	}
	size, root, err := l.Head(a.Context)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "%d entries, root %s\n", size, root)
	return err
}

// refusedImport tells what does not belong together from an export that was
// altered or cut off. Nothing was taken either way.
func refusedImport(err error) error {
	switch {
	case errors.Is(err, store.ErrNoExport):
		return console.Fail(console.StatusUsage, err,
			"give what `fluxkeeper-receiver export` wrote, unpacked; if it was cut off inside its first line, make the export again")
	case errors.Is(err, store.ErrNotEmpty):
		return console.Fail(console.StatusUsage, err, "name a ledger that is not there yet with --ledger")
	case errors.Is(err, store.ErrOtherKey):
		return console.Fail(console.StatusUsage, err,
			"name the key file of the ledger that was exported with --signing-key-file, and a new ledger")
	}
	if _, unread := errors.AsType[*fs.PathError](err); unread || errors.Is(err, context.Canceled) {
		return console.Fail(console.StatusUndecided, err, "")
	}
	return console.Fail(console.StatusFail, err, "make the export again if this one was altered or cut off; nothing was taken")
}

// counted tells how much was read.
type counted struct {
	in   io.Reader
	done int64
	tell func(done, total int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.done += int64(n)
	c.tell(c.done, 0)
	return n, err
}

// backupCmd copies a SQLite ledger.
type backupCmd struct {
	where
	To string `arg:"" complete:"file" help:"The file to make; it must not be there yet."`
}

// Help is shown by backup --help.
func (backupCmd) Help() string {
	return `Writes a copy of a SQLite ledger while a receiver uses it, and verifies the copy before it gets its name.
Keep the signing key apart from it.

A PostgreSQL ledger is backed up with pg_dump, or with export.`
}

// Run copies.
func (c *backupCmd) Run(a *console.Console) error {
	return c.with(a.Context, func(l *store.Ledger) error {
		defer a.Announce("copying and verifying").Stop()
		err := l.Backup(a.Context, c.To)
		switch {
		case errors.Is(err, fs.ErrExist):
			return console.Fail(console.StatusUsage, err, "name a file that is not there yet")
		case err != nil:
			return err
		}
		_, err = fmt.Fprintf(a.Stdout, "copied and verified: %s\n", text.Line(c.To))
		return err
	})
}

// eraseCmd keeps bodies for a while only.
type eraseCmd struct {
	signed
	OlderThan console.Days `required:"" placeholder:"TIME" help:"Erase bodies that came in longer ago than this, such as 400d."`
}

// Help is shown by erase --help.
func (eraseCmd) Help() string {
	return `Erases the bodies of old deliveries. Their entries stay, all proofs still hold, and what a report needs is kept in an entry of ` +
		`its own: accounts, repositories, branches and commits, no messages, no titles and no e-mail addresses.`
}

// Run erases, and says how many bodies went.
func (c *eraseCmd) Run(a *console.Console) error {
	if c.OlderThan == 0 {
		return console.Fail(console.StatusUsage, errors.New("--older-than must be more than 0"), "give a time such as 400d")
	}
	l, err := c.existing(a.Context, store.Options{Log: a.Log("auto", slog.LevelInfo)})
	if err != nil {
		return err
	}
	defer l.Close()
	defer a.Announce("erasing").Stop()
	erased, err := l.Erase(a.Context, time.Now().Add(-time.Duration(c.OlderThan)), audit.Keep)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "%d bodies erased\n", erased)
	return err
}
