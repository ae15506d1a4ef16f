package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/cluster"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	reader "github.com/goldfish-inc/fluxkeeper/internal/github/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

const (
	// checkToken is the row of what GitHub says about the token, checkSettings that
	// of GitHub's settings where none could be read, and checkRotation that of the
	// rotations on record.
	checkToken, checkSettings, checkRotation = "token", "GitHub settings", "rotation"
	// observeSince is how far back --observe looks: one life of a token.
	observeSince = 90 * 24 * time.Hour
)

// api is where GitHub is asked.
func (c *doctorCmd) api(read flux.Cluster) (string, error) {
	if c.APIURL != "" {
		return c.APIURL, nil
	}
	return read.API(c.Repo)
}

// unreadRow is a check of which nothing could be told.
func unreadRow(check string, err error) report.CheckupRow {
	return report.CheckupRow{Check: check, Unread: []string{console.Fail(0, err, "").Sentence()}}
}

// probe asks GitHub about the token that was given, or else the cluster's. It
// also says whether the token is proven to work.
func (c *doctorCmd) probe(
	a *console.Console, reading cluster.Reading, value secret.Secret, policy *gate.Policy,
) (row report.CheckupRow, works bool) {
	if value.Empty() {
		value = reading.Token
	}
	if value.Empty() {
		return unreadRow(checkToken,
			errors.New("there is no token to check: none was read in the cluster, and none was given with --token-file")), false
	}
	api, err := c.api(reading.Cluster)
	if err != nil {
		return unreadRow(checkToken, err), false
	}
	defer a.Announce("asking GitHub what the token can do").Stop()
	need, observed, err := c.need(a.Context, policy)
	if err != nil {
		return unreadRow(checkToken, err), false
	}
	seen, err := probe.Token(a.Context, github.Options{Token: value, APIURL: api, UserAgent: a.UserAgent()}, need)
	if err != nil {
		return unreadRow(checkToken, err), false
	}
	row = report.CheckupRow{
		Check: checkToken, Findings: token.Judge(need, seen), Unread: token.Gaps(need, seen),
		Evidence: append(observed, fmt.Sprintf("%s token %s", seen.Kind, seen.Fingerprint)),
	}
	if seen.Account != nil {
		row.Evidence = append(row.Evidence, "of "+seen.Account.Login)
	}
	return row, token.Verdict(row.Findings, row.Unread) == finding.Pass
}

// need is what the token is for, with the evidence for it where the ledger was asked.
func (c *doctorCmd) need(ctx context.Context, policy *gate.Policy) (need token.Need, evidence []string, err error) {
	need = token.ForFlux([]string{c.Repo}, false)
	if c.Observe == "" {
		return need, nil, nil
	}
	need, uses, err := observed(ctx, where{c.Observe}, contract(*policy), c.Repo, observeSince, need)
	return need, []string{fmt.Sprintf("%d uses in 90 days took %s", uses, strings.Join(need.Listed(), ", "))}, err
}

// observed narrows a need down to what the ledger's deliveries show that the
// bot did in the repository since a time.
func observed(
	ctx context.Context, at where, contract audit.Contract, repo string, since time.Duration, need token.Need,
) (token.Need, int, error) {
	l, err := at.read(ctx)
	if err != nil {
		return need, 0, err
	}
	defer l.Close()
	now := now()
	var readings []audit.Reading
	tell := func(r audit.Reading) { readings = append(readings, r) }
	_, gaps, err := audit.Collect(ctx, l, audit.Window{From: now.Add(-since), To: now}, tell)
	if err == nil && len(gaps) > 0 { // a need that was not seen would make a right surplus
		err = errors.New(strings.Join(gaps, "; "))
	}
	if err != nil {
		return need, 0, err
	}
	uses := token.Uses(readings, contract, repo)
	return need.Observed(uses), len(uses), nil
}

// settings reads what is set on GitHub, and gives a row for each check. The
// token goes only where the repository is, as the cluster's does.
func (c *doctorCmd) settings(a *console.Console, admin secret.Secret, read flux.Cluster, policy *gate.Policy) []report.CheckupRow {
	failed := func(err error) []report.CheckupRow { return []report.CheckupRow{unreadRow(checkSettings, err)} }
	api, err := c.api(read)
	if err != nil {
		return failed(err)
	}
	client, err := github.New(github.Options{
		Token: admin, APIURL: api, Repository: c.Repo, UserAgent: a.UserAgent(), Retrying: tellRetries(a),
	})
	if err != nil {
		return failed(err)
	}
	defer a.Announce("asking GitHub what is set there").Stop()
	intent := settings.NewIntent(policy, read.Branches(c.Repo))
	intent.Hook = c.HookURL
	set, err := reader.Read(a.Context, client, intent)
	if err != nil {
		return failed(err)
	}
	return checkupRows(settings.Examine(set, intent))
}

// rotation looks at the rotations on record: what those of the repository call for,
// and whether the cluster's token is on record for another cluster or repository.
func (c *doctorCmd) rotation(
	ctx context.Context, client *cluster.Client, reading cluster.Reading, severities map[string]finding.Severity,
) report.CheckupRow {
	row := report.CheckupRow{Check: checkRotation}
	h, err := c.history(ctx)
	if err != nil {
		return unreadRow(checkRotation, err)
	}
	if len(h.Records) == 0 { // nothing to hold the cluster against
		row.Evidence = []string{"no rotation is on record"}
		return row
	}
	now := reading.Cluster.Read
	row.Evidence, row.Findings = h.About(c.Repo, now, severities)
	id, err := client.ID(ctx)
	if err != nil {
		row.Unread = append(row.Unread, err.Error())
	} else {
		row.Evidence = append(row.Evidence, "this is cluster "+id)
	}
	seen := reading.Holders(id, c.Repo)
	held := func(token string) bool {
		return slices.ContainsFunc(seen, func(h rotation.Holder) bool { return h.Token == token })
	}
	for _, f := range rotation.Shared(h.Records, now, seen, held) {
		if f, reported := f.Weighed(severities); reported {
			row.Findings = append(row.Findings, f)
		}
	}
	return row
}

// history is what the ledger that --observe names has of rotations.
func (c *doctorCmd) history(ctx context.Context) (rotation.History, error) {
	l, err := where{c.Observe}.read(ctx)
	if err != nil {
		return rotation.History{}, err
	}
	defer l.Close()
	return whole(ctx, l)
}
