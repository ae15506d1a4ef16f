package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// maxScanned bounds one file, in bytes; GitHub takes none of more than 100 MB.
const maxScanned = 100 << 20

// tokenScanCmd looks for tokens where they should not be.
type tokenScanCmd struct {
	Dirs   []string `arg:"" optional:"" name:"dir" help:"Folders to look through, with all that is in them but .git (default: this one)."`
	Base   string   `placeholder:"REVISION" help:"Look only at the files that a change to this revision changes, as the head has them."`
	Head   string   `placeholder:"REVISION" help:"The head of that change (default: HEAD)."`
	Format string   `default:"text" enum:"text,json,markdown" placeholder:"FORMAT" help:"text (default), json or markdown."`
	console.Colored
}

// Run looks, and prints.
func (c *tokenScanCmd) Run(a *console.Console) error {
	var s token.Storage
	var gaps []string
	var err error
	defer a.Announce("looking for tokens").Stop()
	switch {
	case c.Base != "" && len(c.Dirs) > 1:
		return console.Fail(console.StatusUsage, errors.New("--base: a change is in one repository"), "name one folder")
	case c.Base != "":
		gaps, err = c.change(a.Context, &s)
	case c.Head != "":
		return console.Fail(console.StatusUsage, errors.New("--head: without --base there is no change"), "add --base main")
	default:
		gaps, err = c.trees(a.Context, &s)
	}
	if err != nil {
		return err
	}
	return a.Present(report.Scan{Answer: finding.Answered(s.Findings(), gaps...), Version: a.Version}.Report(), c.Format, c.Color)
}

// change looks at what a change changes.
func (c *tokenScanCmd) change(ctx context.Context, s *token.Storage) ([]string, error) {
	dir, head := ".", cmp.Or(c.Head, "HEAD")
	if len(c.Dirs) == 1 {
		dir = c.Dirs[0]
	}
	usage := func(err error) error { return console.Fail(console.StatusUsage, err, "") }
	r, err := gitrepo.Open(dir)
	if err != nil {
		return nil, usage(err)
	}
	defer r.Close()
	files, gaps, err := r.ChangedFiles(ctx, gitrepo.Range{Base: c.Base, Head: head})
	if err != nil {
		return nil, usage(err)
	}
	for _, f := range files {
		s.Add(dir, f.Path, f.Data)
	}
	return gaps, nil
}

// trees looks through folders.
func (c *tokenScanCmd) trees(ctx context.Context, s *token.Storage) ([]string, error) {
	dirs := c.Dirs
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	var gaps []string
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, console.Fail(console.StatusUsage, fmt.Errorf("%q is no folder that can be read", dir), "")
		}
		err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				gaps = append(gaps, err.Error())
				return nil
			case entry.IsDir() && entry.Name() == ".git":
				return filepath.SkipDir
			case !entry.Type().IsRegular(): // what a link leads to is looked at where it is
				return nil
			}
			if err := scanFile(s, dir, name, len(dirs) > 1); err != nil {
				gaps = append(gaps, err.Error())
			}
			return nil
		})
		if err != nil {
			return nil, console.Fail(console.StatusUndecided, err, "")
		}
	}
	return gaps, nil
}

// scanFile reads one file of a folder; its name is told with the folder's where
// there are several.
func scanFile(s *token.Storage, dir, name string, several bool) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxScanned+1))
	if err != nil {
		return err
	}
	if len(data) > maxScanned {
		return fmt.Errorf("read %q: it has more than %d bytes", name, maxScanned)
	}
	shown := name
	if short, err := filepath.Rel(dir, name); err == nil && !several {
		shown = short
	}
	s.Add(dir, filepath.ToSlash(shown), data)
	return nil
}
