package main

import (
	"errors"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/cluster"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// doctorCmd says what is wrong between Flux, its token and GitHub.
type doctorCmd struct {
	Repo      string `required:"" placeholder:"OWNER/NAME" help:"The repository that Flux writes to."`
	Namespace string `default:"flux-system" placeholder:"NAME" help:"Where Flux's objects and controllers are."`
	kube
	Policy            string       `placeholder:"FILE" help:"Hold the cluster against this policy file of the gate."`
	Since             console.Days `default:"1h" placeholder:"TIME" help:"How far back events and logs are read."`
	TokenFile         string       `placeholder:"FILE" help:"Check this token, and that the cluster has the same (default: the cluster's)."`
	SettingsTokenFile string       `placeholder:"FILE" help:"Check what is set on GitHub with this token (else $FLUXKEEPER_TOKEN)."`
	HookURL           string       `name:"hook-url" placeholder:"URL" help:"The webhook's URL (default: any that ends in /webhooks/github)."`
	Observe           string       `placeholder:"WHERE" help:"A ledger: what the bot did, and the rotations of its token; takes --policy."`
	APIURL            string       `name:"api-url" placeholder:"URL" help:"Where GitHub's API is (default: that of the GitRepository's host)."`
	Offline           bool         `help:"Do not ask GitHub."`
	Format            string       `default:"text" enum:"text,json,markdown" placeholder:"FORMAT" help:"text (default), json or markdown."`
	console.Colored
}

// Run reads, judges and prints.
func (c *doctorCmd) Run(a *console.Console) error {
	expect, given, err := c.expectation()
	if err != nil {
		return err
	}
	// The cluster's own token should not be able to read settings.
	admin, err := a.Secret(c.SettingsTokenFile, "FLUXKEEPER_TOKEN")
	if err != nil {
		return err
	}
	client, err := c.connect(a)
	if err != nil {
		return err
	}
	slow := a.Announce("asking the cluster")
	now := now()
	since := now.Add(-time.Duration(c.Since))
	reading, err := client.Read(a.Context, cluster.Query{Namespace: c.Namespace, Repository: c.Repo, Since: since, Now: now})
	slow.Stop()
	if err != nil {
		return console.Fail(console.StatusUndecided, err, "see whether `kubectl version` reaches the cluster with the same kubeconfig")
	}
	var asked []finding.Check
	if !c.Offline {
		check := c.probe(a, reading, given, expect.Policy)
		expect.TokenWorks = check.Verdict() == finding.Pass
		asked = append(asked, check)
		if !admin.Empty() {
			asked = append(asked, c.settings(a, admin, reading.Cluster, expect.Policy)...)
		}
	}
	if c.Observe != "" {
		asked = append(asked, c.rotation(a.Context, client, reading, expect.Policy.Severities()))
	}
	return a.Present(report.Checkup{
		Subject: c.Repo + " in namespace " + c.Namespace, Version: a.Version, Checks: append(flux.Examine(reading.Cluster, expect), asked...),
	}.Report(), c.Format, c.Color)
}

// expectation is what the cluster is held against, and the token that was given,
// if any.
func (c *doctorCmd) expectation() (expect flux.Expectation, given secret.Secret, err error) {
	expect.Repository = c.Repo
	if _, _, err := pair("--repo", c.Repo, "owner/name", "goldfish-inc/oceanid"); err != nil {
		return expect, given, err
	}
	if c.Observe != "" && c.Policy == "" {
		return expect, given, console.Fail(console.StatusUsage, errors.New("--observe: it is not known who the bot is"),
			"name the policy file with --policy")
	}
	if c.Policy != "" {
		policy, err := readPolicy(c.Policy)
		if err != nil {
			return expect, given, err
		}
		expect.Policy = &policy
	}
	if c.TokenFile != "" {
		if given, err = console.ReadSecretFile(c.TokenFile); err != nil {
			return expect, given, err
		}
		expect.Copies = append(expect.Copies, flux.Copy{Where: c.TokenFile, Fingerprint: token.Fingerprint(given)})
	}
	return expect, given, nil
}
