package main

import (
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	reader "github.com/goldfish-inc/fluxkeeper/internal/github/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// checkSettings is the row of GitHub's settings where none could be read.
const checkSettings = "GitHub settings"

// adminToken is the token that settings are read with; empty where none is
// given. The cluster's own should not be able to read them.
func (c *doctorCmd) adminToken(a *console.Console) (secret.Secret, error) {
	if c.SettingsTokenFile != "" {
		value, err := readSecret(c.SettingsTokenFile)
		if err != nil {
			return value, console.Fail(console.StatusUsage, err, "")
		}
		return secret.New(strings.TrimSpace(value.Reveal())), nil
	}
	text, _ := a.Environment("FLUXKEEPER_TOKEN")
	return secret.New(strings.TrimSpace(text)), nil
}

// gatherGitHub reads what is set on GitHub, and gives a row for each check. The
// token goes only where the repository is, as the cluster's does.
func (c *doctorCmd) gatherGitHub(a *console.Console, value secret.Secret, read flux.Cluster, expect flux.Expectation) []finding.Check {
	failed := func(err error) []finding.Check { return []finding.Check{untold(checkSettings, err)} }
	api, err := c.api(read)
	if err != nil {
		return failed(err)
	}
	client, err := github.New(github.Options{Token: value, APIURL: api, Repository: c.Repo, UserAgent: a.UserAgent(), Retrying: tellRetries(a)})
	if err != nil {
		return failed(err)
	}
	defer a.Announce("asking GitHub what is set there").Stop()
	intent := settings.NewIntent(expect.Policy, read.Branches(c.Repo))
	intent.Hook = c.HookURL
	set, err := reader.Read(a.Context, client, intent)
	if err != nil {
		return failed(err)
	}
	return settings.Examine(set, intent)
}
