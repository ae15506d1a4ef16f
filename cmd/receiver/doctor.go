package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/cluster"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// doctorCmd says what is wrong between Flux, its token and GitHub.
type doctorCmd struct {
	Repo              string `required:"" placeholder:"OWNER/NAME" help:"The repository that Flux writes to."`
	Namespace         string `default:"flux-system" placeholder:"NAME" help:"Where Flux's objects and controllers are (default: flux-system)."`
	Kubeconfig        string `placeholder:"FILE" complete:"file" help:"How to reach the cluster (default: $KUBECONFIG, ~/.kube/config, or the pod's service account)."`
	Context           string `placeholder:"NAME" help:"A context of that file (default: its current one)."`
	Policy            string `placeholder:"FILE" complete:"file" help:"Hold the cluster against this policy file of the gate."`
	Since             days   `default:"1h" placeholder:"TIME" help:"How far back events and logs are read (default: 1h)."`
	TokenFile         string `placeholder:"FILE" complete:"file" help:"Check this token, and that the cluster has the same (default: check the cluster's)."`
	SettingsTokenFile string `placeholder:"FILE" complete:"file" help:"Check what is set on GitHub with this token, which may read Administration and Webhooks (else $FLUXKEEPER_TOKEN)."`
	HookURL           string `name:"hook-url" placeholder:"URL" help:"The receiver's address in the webhook (default: any that ends in /webhooks/github)."`
	Observe           string `placeholder:"WHERE" complete:"file" help:"Narrow what the token needs down to what this ledger shows that the bot did in 90 days, and look at the rotations in it; takes --policy."`
	APIURL            string `name:"api-url" placeholder:"URL" help:"Where GitHub's API is (default: that of the GitRepository's host)."`
	Offline           bool   `help:"Do not ask GitHub."`
	Format            string `default:"text" enum:"text,json,markdown" placeholder:"FORMAT" help:"text (default), json or markdown."`
	Color             string `default:"auto" enum:"auto,always,never" placeholder:"WHEN" help:"auto (default: on a terminal, unless NO_COLOR is set), always or never."`
}

// Help is shown by doctor --help.
func (doctorCmd) Help() string {
	return `Checks each step between Flux and the pull request: Flux's objects and the Secret in the cluster, the token itself, and the failures in events and logs, each with its cause and what to do.

  fluxkeeper-receiver doctor --repo goldfish-inc/oceanid
  fluxkeeper-receiver doctor --repo goldfish-inc/oceanid --policy .github/fluxkeeper.yaml --since 6h --format markdown

With a token of an administrator (--settings-token-file, with Administration, Contents and Webhooks: read, or classic repo) it also checks what is set on GitHub: who may push which branch, the required check, the merge queue, GitHub Actions and their workflow, the webhook of the record. Without one these checks are left out: the token that Flux uses should not be able to read them.

It only reads, with the rights in examples/kubernetes/doctor.yaml. The token is sent to GitHub, in at most 15 requests that change nothing, unless --offline is given; it is never printed, only its fingerprint. What could not be read is said, and never taken for good.

Exit status: 0 all checks are ok, 1 something is wrong, 3 something could not be told.`
}

// Run reads, judges and prints.
func (c *doctorCmd) Run(a *console.Console) error {
	expect, given, err := c.expectation()
	if err != nil {
		return err
	}
	admin, err := c.adminToken(a)
	if err != nil {
		return err
	}
	client, err := cluster.Connect(cluster.Options{Kubeconfig: c.Kubeconfig, Context: c.Context, UserAgent: a.UserAgent()})
	if err != nil {
		return console.Fail(console.StatusUsage, err, console.HintOf(err))
	}
	slow := a.Announce("asking the cluster")
	now := time.Now().UTC()
	reading, err := client.Read(a.Context, cluster.Query{Namespace: c.Namespace, Repository: c.Repo, Since: now.Add(-time.Duration(c.Since)), Now: now})
	slow.Stop()
	if err != nil {
		return console.Fail(console.StatusUndecided, err, "see whether `kubectl version` reaches the cluster with the same kubeconfig")
	}
	var asked []finding.Check
	if !c.Offline {
		check := c.probe(a, reading, given)
		expect.TokenWorks = check.Verdict() == finding.Pass
		asked = append(asked, check)
		if !admin.Empty() {
			asked = append(asked, c.gatherGitHub(a, admin, reading.Cluster, expect)...)
		}
	}
	checks := append(flux.Examine(reading.Cluster, expect), asked...)
	if c.Observe != "" {
		checks = append(checks, c.rotation(a.Context, client, reading.Cluster, *expect.Policy))
	}
	r := report.Checkup{Subject: c.Repo + " in namespace " + c.Namespace, Checks: checks, Version: a.Version}.Report()
	if err := r.Write(a.Stdout, c.Format, a.Style(c.Color)); err != nil {
		return err
	}
	return console.Conclude(r.Verdict())
}

// expectation is what the cluster is held against, and the token that was given,
// if any.
func (c *doctorCmd) expectation() (flux.Expectation, secret.Secret, error) {
	expect := flux.Expectation{Repository: c.Repo}
	if owner, name, ok := strings.Cut(c.Repo, "/"); !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return expect, secret.Secret{}, console.Fail(console.StatusUsage, fmt.Errorf("%q is not of the form owner/name", c.Repo), "write --repo goldfish-inc/oceanid")
	}
	if c.Observe != "" && c.Policy == "" {
		return expect, secret.Secret{}, console.Fail(console.StatusUsage, errors.New("--observe: it is not known who the bot is"), "name the policy file with --policy")
	}
	if c.Policy != "" {
		policy, err := readPolicy(c.Policy)
		if err != nil {
			return expect, secret.Secret{}, err
		}
		expect.Policy = &policy
	}
	if c.TokenFile == "" {
		return expect, secret.Secret{}, nil
	}
	given, err := readSecret(c.TokenFile)
	if err != nil {
		return expect, given, console.Fail(console.StatusUsage, err, "")
	}
	given = secret.New(strings.TrimSpace(given.Reveal()))
	expect.Copies = append(expect.Copies, flux.Copy{Where: c.TokenFile, Fingerprint: token.Fingerprint(given)})
	return expect, given, nil
}

// checkToken is the row of what GitHub says about the token.
const checkToken = "token"

// probe asks GitHub about the token that was given, or else the cluster's.
func (c *doctorCmd) probe(a *console.Console, reading cluster.Reading, given secret.Secret) finding.Check {
	value := given
	if value.Empty() {
		value = reading.Token
	}
	if value.Empty() {
		return untold(checkToken, errors.New("there is no token to check: none was read in the cluster, and none was given with --token-file"))
	}
	api, err := c.api(reading.Cluster)
	if err != nil {
		return untold(checkToken, err)
	}
	defer a.Announce("asking GitHub what the token can do").Stop()
	need, observed, err := c.need(a.Context)
	if err != nil {
		return untold(checkToken, err)
	}
	seen, err := probe.Token(a.Context, github.Options{Token: value, APIURL: api, UserAgent: a.UserAgent()}, need)
	if err != nil {
		return untold(checkToken, err)
	}
	check := finding.Check{Name: checkToken, Answer: token.Judge(need, seen), Evidence: append(observed, fmt.Sprintf("%s token %s", seen.Kind, seen.Fingerprint))}
	if seen.Account != nil {
		check.Evidence = append(check.Evidence, "of "+seen.Account.Login)
	}
	return check
}

// untold is a check that could not be made.
func untold(name string, why error) finding.Check {
	return finding.Check{Name: name, Answer: finding.Answered(nil, console.Fail(0, why, console.HintOf(why)).Sentence())}
}

// api is where the token is asked about: only where Flux sends it anyway. A
// token of one server is never shown to another.
func (c *doctorCmd) api(read flux.Cluster) (string, error) {
	if c.APIURL != "" {
		return c.APIURL, nil
	}
	host := ""
	for _, r := range read.Repositories {
		parsed, err := url.Parse(r.URL)
		if !r.Of(c.Repo) || err != nil || parsed.Scheme != "https" {
			continue
		}
		if host != "" && host != parsed.Host {
			return "", errors.New("the repository's GitRepositories are on several hosts: name GitHub's API with --api-url")
		}
		host = parsed.Host
	}
	switch host {
	case "":
		return "", errors.New("no GitRepository says over https where the repository is: name GitHub's API with --api-url")
	case "github.com", "www.github.com":
		return "", nil
	}
	if strings.HasSuffix(host, ".ghe.com") {
		return "https://api." + host, nil
	}
	return "https://" + host + "/api/v3", nil
}
