package main

import (
	"context"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/cluster"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// checkRotation is the row of what the ledger's rotations say.
const checkRotation = "rotation"

// rotation looks at the rotations on record: what those of the repository call for,
// and whether the cluster's token is on record for another cluster or repository.
func (c *doctorCmd) rotation(ctx context.Context, client *cluster.Client, read flux.Cluster, policy policy.Policy) finding.Check {
	row := finding.Check{Name: checkRotation, Answer: finding.Answered(nil)}
	known, err := c.records(ctx)
	if err != nil {
		return untold(checkRotation, err)
	}
	if len(known) == 0 { // nothing to hold the cluster against
		row.Evidence = []string{"no rotation is on record"}
		return row
	}
	drills := token.Drills(known)
	for _, d := range token.Live(drills) {
		if c.among(d.Repositories) {
			row.Evidence = append(row.Evidence, "the token on record is "+d.New+", stored on "+date(d.Stored))
		}
	}
	if len(row.Evidence) == 0 {
		row.Evidence = []string{"no token of " + c.Repo + " is on record as stored"}
	}
	for _, alert := range token.Alerts(drills, read.Read, "") {
		if c.among(alert.Repositories) {
			row.Findings = append(row.Findings, alert.Finding)
		}
	}
	id, err := client.ID(ctx)
	if err != nil {
		row.Gaps = append(row.Gaps, err.Error())
	} else {
		row.Evidence = append(row.Evidence, "this is cluster "+id)
	}
	row.Findings = append(row.Findings, token.Shared(c.holders(known, read, id))...)
	row.Answer = row.Weighed(policy.Severities())
	return row
}

// records are those of the ledger that --observe names.
func (c *doctorCmd) records(ctx context.Context) ([]token.Record, error) {
	l, err := where{c.Observe}.read(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return records(ctx, l)
}

// among says whether the repository is one of these.
func (c *doctorCmd) among(repositories []string) bool {
	return slices.ContainsFunc(repositories, func(full string) bool { return strings.EqualFold(full, c.Repo) })
}

// holders are the places that hold a token which this cluster's Secrets hold for the
// repository: these, and by the record.
func (c *doctorCmd) holders(known []token.Record, read flux.Cluster, id string) []token.Holder {
	all := token.Holders(known, read.Read)
	var seen []string
	for _, s := range read.Secrets {
		for _, k := range s.Keys {
			if k.Fingerprint == "" || k.Name == "token" { // which Flux does not use
				continue
			}
			seen = append(seen, k.Fingerprint)
			all = token.Hold(all, token.Holder{
				Place: token.Place{Where: "secret " + s.Namespace + "/" + s.Name + " " + k.Name, Cluster: id}, Token: k.Fingerprint, Repositories: []string{c.Repo},
			})
		}
	}
	return slices.DeleteFunc(all, func(h token.Holder) bool { return !slices.Contains(seen, h.Token) })
}
