package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// observeSince is how far back --observe looks: one life of a token.
const observeSince = 90 * 24 * time.Hour

// need is what the token is for, with the evidence for it where the ledger was
// asked.
func (c *doctorCmd) need(ctx context.Context) (need token.Need, evidence []string, err error) {
	need = token.ForFlux([]string{c.Repo}, false)
	if c.Observe == "" {
		return need, nil, nil
	}
	policy, err := readPolicy(c.Policy)
	if err != nil {
		return need, nil, err
	}
	need, uses, err := observed(ctx, where{c.Observe}, policy, c.Repo, observeSince, need)
	return need, []string{fmt.Sprintf("%d uses in 90 days took %s", uses, strings.Join(need.Listed(), ", "))}, err
}

// observed narrows a need down to what the ledger's deliveries show that the
// bot did in the repository since a time.
func observed(ctx context.Context, ledger where, policy policy.Policy, repo string, since time.Duration, need token.Need) (token.Need, int, error) {
	l, err := ledger.read(ctx)
	if err != nil {
		return need, 0, err
	}
	defer l.Close()
	now := time.Now().UTC()
	readings, gaps, err := readDeliveries(ctx, l, audit.Window{From: now.Add(-since), To: now}, func(int64, int64) {})
	if err == nil && len(gaps) > 0 { // a need that was not seen would make a right surplus
		err = errors.New(strings.Join(gaps, "; "))
	}
	if err != nil {
		return need, 0, err
	}
	workflow := map[int64]bool{}
	for _, r := range readings {
		workflow[r.Record.Index] = strings.HasPrefix(r.Body.Workflow, ".github/workflows/")
	}
	var uses []token.Used
	for _, use := range audit.Judge(readings, contract(policy)).Uses {
		if strings.EqualFold(use.Repository.Name, repo) {
			touched := slices.ContainsFunc(append(use.Also, use.Index), func(index int64) bool { return workflow[index] })
			uses = append(uses, token.Used{Event: use.Event, Action: use.Action, Workflow: touched})
		}
	}
	return need.Observed(uses), len(uses), nil
}
