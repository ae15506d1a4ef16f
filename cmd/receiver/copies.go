package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// exportCmd writes everything.
type exportCmd struct{ where }

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

// Run reads it, whole or not at all.
func (c *importCmd) Run(a *console.Console) error {
	in, err := a.Open(c.File)
	if err != nil {
		return console.Fail(console.StatusUsage, fmt.Errorf("read export: %w", err),
			"name the file that `fluxkeeper-receiver export` was written to")
	}
	defer in.Close()
	l, err := c.keyed(a.Context, store.Options{Log: a.Log("auto", slog.LevelInfo)})
	if err != nil {
		return err
	}
	defer l.Close()
	progress := a.Progress("read", "bytes")
	err = store.Import(a.Context, progress.Reader(in), l)
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

// backupCmd copies a SQLite ledger.
type backupCmd struct {
	where
	To string `arg:"" complete:"file" help:"The file to make; it must not be there yet."`
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
