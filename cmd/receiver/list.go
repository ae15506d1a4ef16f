package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// listCmd lists entries, the last ones first.
type listCmd struct {
	where
	Name   []string     `placeholder:"EVENT" help:"Only these events, such as push."`
	GUID   string       `name:"guid" placeholder:"GUID" help:"Only deliveries under this GUID."`
	Source string       `placeholder:"HOOK" help:"Only deliveries of this webhook, by its number."`
	Since  console.Days `placeholder:"TIME" help:"Only what came in since then, such as 7d or 12h (default: all)."`
	Limit  int          `default:"50" placeholder:"N" help:"At most so many; 0 for all."`
}

// flushEvery is how many entries have the same columns' widths.
const flushEvery = 1000

// Run prints a table.
func (c *listCmd) Run(a *console.Console) error {
	l, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	query := ledger.Query{Names: c.Name, ID: c.GUID, Source: c.Source, Limit: c.Limit, Newest: true}
	if c.Since > 0 {
		query.From = time.Now().Add(-time.Duration(c.Since))
	}
	table := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0) // which keeps all until it is flushed
	fmt.Fprintln(table, "ENTRY\tTIME (UTC)\tKIND\tEVENT\tWEBHOOK\tTARGET\tBYTES\tGUID")
	found := 0
	for r, err := range l.Records(a.Context, query) {
		if err != nil {
			return console.Fail(console.StatusUndecided, err, "")
		}
		if found++; found%flushEvery == 0 {
			if err := table.Flush(); err != nil {
				return err
			}
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", r.Index, r.Time.UTC().Format(time.DateTime), console.OneLine(string(r.Kind)),
			console.OneLine(r.Name), console.OneLine(r.Source), console.OneLine(r.Target), r.BodySize, console.OneLine(r.ID))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if found == c.Limit && c.Limit > 0 {
		fmt.Fprintf(a.Stderr, "the last %d; --limit gives more\n", found)
	}
	return nil
}
