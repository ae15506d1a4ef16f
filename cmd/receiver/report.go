package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// reportCmd says what the bot's account did.
type reportCmd struct {
	where
	Since  days   `default:"7d" placeholder:"TIME" help:"How far back, such as 7d or 12h (default: 7d)."`
	Policy string `default:"${policyFile}" placeholder:"FILE" complete:"file" help:"The policy file, which names the bot and what it may do (default: ${policyFile})."`
	Format string `default:"text" enum:"text,json,csv,markdown" placeholder:"FORMAT" help:"text (default), json, csv or markdown."`
	Color  string `default:"auto" enum:"auto,always,never" placeholder:"WHEN" help:"auto (default: on a terminal, unless NO_COLOR is set), always or never."`
	listing
}

// Help is shown by report --help.
func (reportCmd) Help() string {
	return `Lists every use of the bot's account that the deliveries show, and holds each against what the policy file lets it do: repositories, branches and events under "uses", with the bots' numeric account ids.

  fluxkeeper-receiver report --since 30d --policy .github/fluxkeeper.yaml
  fluxkeeper-receiver report --format csv > uses.csv

With a repository or an organization and a token, the report also says how complete the record is; see reconcile.

Among the findings are those about the rotations on record (see rotate): a stored token that ends within 30, 14, 7 or 1 days, an old one that outlived its overlap.

Exit status: 0 everything was expected, 1 a finding has the severity error, such as a delivery that is missing, 3 something could not be told.`
}

// Run reads the deliveries of the window, judges them, and prints the report.
func (c *reportCmd) Run(a *console.Console) error {
	policy, err := readPolicy(c.Policy)
	if err != nil {
		return err
	}
	l, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	now := time.Now().UTC()
	window := audit.Window{From: now.Add(-time.Duration(c.Since)), To: now}
	progress := a.Progress("read", "entries")
	readings, gaps, err := readDeliveries(a.Context, l, window, progress.Set)
	progress.End()
	if err != nil {
		return console.Fail(console.StatusUndecided, err, "")
	}
	timeline := report.Timeline{Audit: audit.Judge(readings, contract(policy)), Window: window, Version: a.Version}
	timeline.Audit.Gaps = append(timeline.Audit.Gaps, gaps...)
	known, err := drills(a.Context, l)
	if _, gap := errors.AsType[unreadable](err); gap {
		timeline.Audit.Gaps = append(timeline.Audit.Gaps, err.Error())
	} else if err != nil {
		return err
	}
	timeline.Alerts, timeline.Severities = token.Alerts(known, now, ""), policy.Severities()
	if timeline.Completeness, err = c.completeness(a, l, window); err != nil {
		return err
	}
	r := timeline.Report()
	if err := r.Write(a.Stdout, c.Format, a.Style(c.Color)); err != nil {
		return err
	}
	return console.Conclude(r.Verdict())
}

func readPolicy(name string) (policy.Policy, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "name the repository's policy file with --policy; `fluxkeeper policy init` writes one"
		}
		return policy.Policy{}, console.Fail(console.StatusUsage, fmt.Errorf("read policy: %w", err), hint)
	}
	policy, err := policy.Parse(name, text)
	if err != nil {
		return policy, console.Fail(console.StatusUsage, err, "`fluxkeeper policy check` lists all problems")
	}
	return policy, nil
}

// contract is the part of the policy that the audit holds uses against.
func contract(p policy.Policy) audit.Contract {
	uses := p.Contract()
	c := audit.Contract{Repositories: uses.Repositories, Branches: uses.Branches, Events: uses.Events}
	for _, bot := range p.Bots {
		c.Accounts = append(c.Accounts, audit.Account{ID: bot.ID, Login: bot.Login})
	}
	return c
}

// readDeliveries reads what came in within the window. What was kept of erased
// bodies stands for them; gaps are those that are gone otherwise.
func readDeliveries(ctx context.Context, l *store.Ledger, window audit.Window, progress func(done, total int64)) (readings []audit.Reading, gaps []string, err error) {
	kept, err := readErasures(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	query, err := deliveriesSince(ctx, l, window.From)
	if err != nil {
		return nil, nil, err
	}
	for record, err := range l.Records(ctx, query) {
		if err != nil {
			return nil, nil, err
		}
		reading, err := readDelivery(ctx, l, record, kept)
		if errors.Is(err, ledger.ErrErased) { // and no erasure says so: Verify fails
			gaps = append(gaps, fmt.Sprintf("the body of entry %d is gone, and no erasure says so: verify the ledger", record.Index))
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read entry %d: %w", record.Index, err)
		}
		readings = append(readings, reading)
		progress(int64(len(readings)), 0)
	}
	return readings, gaps, nil
}

// deliveriesSince asks for all deliveries from the first one on that came in at
// a time or later. What follows it belongs to it whatever its own time says: the
// clock may have been wrong.
func deliveriesSince(ctx context.Context, l *store.Ledger, from time.Time) (ledger.Query, error) {
	query := ledger.Query{Kinds: []ledger.Kind{ledger.Delivery}, Start: math.MaxInt64}
	for first, err := range l.Records(ctx, ledger.Query{Kinds: query.Kinds, From: from, Limit: 1}) {
		if err != nil {
			return query, err
		}
		query.Start = first.Index
	}
	return query, nil
}

// readDelivery reads a body, and what was kept of it only where it is gone.
func readDelivery(ctx context.Context, l *store.Ledger, r ledger.Record, kept map[int64]json.RawMessage) (audit.Reading, error) {
	body, err := l.Body(ctx, r.Index)
	if is, ok := kept[r.Index]; ok && errors.Is(err, ledger.ErrErased) {
		return audit.Restore(r, is)
	}
	if err != nil {
		return audit.Reading{}, err
	}
	return audit.Read(r, body), nil
}

// readErasures gives what was kept of the bodies that are gone, by index.
func readErasures(ctx context.Context, l *store.Ledger) (map[int64]json.RawMessage, error) {
	kept := map[int64]json.RawMessage{}
	for record, err := range l.Records(ctx, ledger.Query{Kinds: []ledger.Kind{ledger.Erasure}}) {
		if err != nil {
			return nil, err
		}
		body, err := l.Body(ctx, record.Index)
		if err != nil {
			return nil, fmt.Errorf("read entry %d: %w", record.Index, err)
		}
		erased, err := ledger.ParseErased(body)
		if err != nil {
			return nil, fmt.Errorf("read entry %d: %w", record.Index, err)
		}
		for _, entry := range erased.Entries {
			kept[entry.Index] = entry.Kept
		}
	}
	return kept, nil
}
