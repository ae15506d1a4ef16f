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
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	reader "github.com/goldfish-inc/fluxkeeper/internal/github/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
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

// untold is a check that could not be made.
func untold(name string, why error) finding.Check {
	return finding.Check{Name: name, Answer: finding.Answered(nil, text.Sentence(why))}
}

// probe asks GitHub about the token that was given, or else the cluster's.
func (c *doctorCmd) probe(a *console.Console, reading cluster.Reading, value secret.Secret, policy *policy.Policy) finding.Check {
	if value.Empty() {
		value = reading.Token
	}
	if value.Empty() {
		return untold(checkToken,
			errors.New("there is no token to check: none was read in the cluster, and none was given with --token-file"))
	}
	api, err := c.api(reading.Cluster)
	if err != nil {
		return untold(checkToken, err)
	}
	defer a.Announce("asking GitHub what the token can do").Stop()
	need, observed, err := c.need(a.Context, policy)
	if err != nil {
		return untold(checkToken, err)
	}
	seen, err := probe.Token(a.Context, github.Options{Token: value, APIURL: api, UserAgent: a.UserAgent()}, need)
	if err != nil {
		return untold(checkToken, err)
	}
	evidence := append(observed, fmt.Sprintf("%s token %s", seen.Kind, seen.Fingerprint))
	if seen.Account != nil {
		evidence = append(evidence, "of "+seen.Account.Login)
	}
	return finding.Check{Name: checkToken, Evidence: evidence, Answer: token.Judge(need, seen)}
}

// need is what the token is for, with the evidence for it where the ledger was asked.
func (c *doctorCmd) need(ctx context.Context, policy *policy.Policy) (need token.Need, evidence []string, err error) {
	need = token.ForFlux([]string{c.Repo}, policy != nil && len(policy.Uses.Workflows) > 0)
	if c.Observe == "" {
		return need, nil, nil
	}
	l, err := where{c.Observe}.read(ctx)
	if err != nil {
		return need, nil, err
	}
	defer l.Close()
	bound, err := contract(*policy)
	if err != nil {
		return need, nil, err
	}
	now := now()
	need, uses, err := need.Recorded(ctx, l, audit.Window{From: now.Add(-observeSince), To: now}, bound, c.Repo)
	return need, []string{fmt.Sprintf("%d uses in 90 days took %s", uses, strings.Join(need.Listed(), ", "))}, err
}

// settings reads what is set on GitHub, and gives a row for each check. The
// token goes only where the repository is, as the cluster's does.
func (c *doctorCmd) settings(a *console.Console, admin secret.Secret, read flux.Cluster, policy *policy.Policy) []finding.Check {
	failed := func(err error) []finding.Check { return []finding.Check{untold(checkSettings, err)} }
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
	return settings.Examine(set, intent)
}

// rotation looks at the rotations on record: what those of the repository call for,
// and whether the cluster's token is on record for another cluster or repository.
func (c *doctorCmd) rotation(
	ctx context.Context, client *cluster.Client, reading cluster.Reading, severities map[string]finding.Severity,
) finding.Check {
	h, err := where{c.Observe}.rotations(ctx)
	if err != nil {
		return untold(checkRotation, err)
	}
	check := finding.Check{Name: checkRotation, Answer: finding.Answered(nil)}
	if len(h.Records) == 0 { // nothing to hold the cluster against
		check.Evidence = []string{"no rotation is on record"}
		return check
	}
	now := reading.Cluster.Read
	check.Evidence, check.Findings = h.About(c.Repo, now)
	id, err := client.ID(ctx)
	if err != nil {
		check.Gaps = append(check.Gaps, err.Error())
	} else {
		check.Evidence = append(check.Evidence, "this is cluster "+id)
	}
	seen := reading.Holders(id, c.Repo)
	held := func(token string) bool {
		return slices.ContainsFunc(seen, func(h rotation.Holder) bool { return h.Token == token })
	}
	check.Findings = append(check.Findings, rotation.Shared(h.Records, now, seen, held)...)
	check.Answer = check.Weighed(severities)
	return check
}
