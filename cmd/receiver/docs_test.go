package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/test/knownfail"
)

// TestCommandsInDocs: what the pages tell people to type is understood.
func TestCommandsInDocs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files := append(pages, "../../README.md")
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			command, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "$ "), "fluxkeeper-receiver ")
			if !ok {
				continue
			}
			command, _, _ = strings.Cut(command, " >")
			command, _, _ = strings.Cut(command, " #")
			found++
			if err := understood(strings.Fields(command)); err != nil {
				t.Errorf("%s: fluxkeeper-receiver %s: %v", file, command, err)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d commands found", found)
	}
}

// TestHelpIsOfCommands: a text of help.txt that belongs to no command is never shown.
func TestHelpIsOfCommands(t *testing.T) {
	for _, file := range txtar.Parse(help).Files {
		_, out := told(t, append(strings.Fields(file.Name), "--help")...)
		if first, _, _ := strings.Cut(strings.TrimSpace(string(file.Data)), "\n"); !strings.Contains(out, first[:40]) {
			t.Errorf("nobody sees the text of %q", file.Name)
		}
	}
}

func understood(args []string) error {
	parser, err := kong.New(&grammar{}, kong.Vars{"version": "", "ledger": defaultLedger, "policyFile": policy.File},
		kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		return err
	}
	_, err = parser.Parse(args)
	return err
}

// TestDocNamesWhatIsInFront: what stands before the receiver, or between it and its
// database, can lose deliveries that nobody counts.
func TestDocNamesWhatIsInFront(t *testing.T) {
	var pages []byte
	for _, file := range []string{"../../docs/receiver.md", "../../docs/operations.md"} {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page...)
	}
	for name, word := range map[string]string{"body-limit": "client_max_body_size", "pooler": "PgBouncer"} {
		t.Run(name, func(t *testing.T) {
			if k := knownfail.Of(t); !strings.Contains(string(pages), word) {
				k.Errorf("the pages on the receiver do not name %s", word)
			}
		})
	}
}
