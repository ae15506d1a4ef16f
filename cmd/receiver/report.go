package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	_ "time/tzdata" // an image made from scratch has no zones

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// reportCmd says what the bot's account did.
type reportCmd struct {
	where
	Since     console.Days `default:"3d" placeholder:"TIME" help:"How far back, such as 7d or 12h; github.com lists three days."`
	Policy    string       `default:"${policyFile}" placeholder:"FILE" help:"The policy file, which names the bot and what it may do."`
	Format    string       `default:"text" enum:"text,json,csv,markdown,html" placeholder:"FORMAT" help:"text, json, csv, markdown or html."`
	Only      []string     `placeholder:"WHAT" help:"Show unexpected, repository=NAME, account=NAME, event=NAME or rule=NAME alone."`
	PublicKey string       `placeholder:"KEY" help:"The public key that the ledger must be signed with, or a file that holds it."`
	console.Colored
	listing
}

// Run reads the deliveries of the window, judges them, and prints the report.
func (c *reportCmd) Run(a *console.Console) error {
	only, err := report.ParseFilter(c.Only)
	if err != nil {
		return console.Fail(console.StatusUsage, err, "such as --only unexpected --only event=push")
	}
	policy, err := readPolicy(c.Policy)
	if err != nil {
		return err
	}
	public, err := publicKey(c.PublicKey)
	if err != nil {
		return console.Fail(console.StatusUsage, err, keyHint)
	}
	l, err := c.readAs(a.Context, public)
	if err != nil {
		return err
	}
	defer l.Close()
	timeline, err := c.timeline(a, l, policy)
	if err != nil {
		return err
	}
	timeline.Only = only
	return a.Present(timeline.Report(), c.Format, c.Color)
}

// timeline reads the ledger once, after GitHub's lists where those are asked for.
func (c *reportCmd) timeline(a *console.Console, l *store.Ledger, policy policy.Policy) (t report.Timeline, err error) {
	now := now()
	t = report.Timeline{Window: audit.Window{From: now.Add(-time.Duration(c.Since)), To: now}, Version: a.Version}
	uses, err := contract(policy)
	if err != nil {
		return t, err
	}
	progress := a.Progress("read", "entries")
	defer progress.End()
	var readings []audit.Reading
	tell := func(r audit.Reading) {
		readings = append(readings, r)
		progress.Set(int64(len(readings)), 0)
	}
	var gaps []string
	alone := finding.Answered(nil)
	if c.asked() {
		client, err := c.client(a, tellRetries(a))
		if err != nil {
			return t, err
		}
		defer a.Announce("asking GitHub what it sent").Stop()
		statement, err := c.reconciler(client, l).State(a.Context, t.Window, tell)
		if err != nil {
			return t, err
		}
		t.Completeness = &statement
	} else {
		held, found, err := audit.Collect(a.Context, l, t.Window, tell)
		if err != nil {
			return t, err
		}
		gaps, alone = found, held.Alone(t.Window)
	}
	history, err := rotation.Read(a.Context, l)
	if err != nil {
		return t, err
	}
	if history.Gap != nil {
		gaps = append(gaps, history.Gap.Error())
	}
	t.Audit = audit.Judge(readings, uses)
	t.Audit.Gaps = append(t.Audit.Gaps, gaps...)
	verified, err := unverified(a.Context, l, now)
	if err != nil {
		return t, err
	}
	t.Audit.Answer = finding.Join(t.Audit.Answer, alone, verified)
	t.Alerts, t.Severities = rotation.Alerts(history.Rotations, now, ""), policy.Severities()
	return t, nil
}

// unverified says whether the ledger was verified of late.
func unverified(ctx context.Context, l *store.Ledger, now time.Time) (finding.Answer, error) {
	first, err := l.Record(ctx, 0)
	if errors.Is(err, ledger.ErrNotFound) {
		return finding.Answered(nil), nil
	}
	if err != nil {
		return finding.Answer{}, err
	}
	observations, _, err := l.Own(ctx, ledger.Observation) // what is wrong with them is told of all entries
	return audit.Unverified(first.Time, observations, now), err
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
func contract(p policy.Policy) (audit.Contract, error) {
	uses := p.Contract()
	c := audit.Contract{Repositories: uses.Repositories, Branches: uses.Branches, Bases: p.Base, Paths: p.Paths, Events: uses.Events,
		Limits: uses.Limits, Workflows: uses.Workflows}
	for _, bot := range p.Bots {
		c.Accounts = append(c.Accounts, audit.Account{ID: bot.ID, Login: bot.Login})
		c.Authors = append(c.Authors, audit.Author{Name: bot.Name, Email: bot.Email})
	}
	if h := uses.Hours; h != nil {
		zone, err := time.LoadLocation(h.Zone)
		if err != nil {
			return c, console.Fail(console.StatusUsage, fmt.Errorf("read uses.hours.zone of the policy file: %w", err),
				"write UTC, or an area and a city, such as Europe/Berlin")
		}
		c.Hours = &audit.Hours{From: h.From, To: h.To, Days: h.Days, Zone: zone}
	}
	return c, nil
}
