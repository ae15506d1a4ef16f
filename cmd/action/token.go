package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

type tokenCommands struct {
	Check tokenCheckCmd `cmd:"" help:"Ask GitHub what a token can do, and hold it against what Flux needs."`
	Scan  tokenScanCmd  `cmd:"" help:"Look for tokens in a repository or a change, where they should not be."`
	Link  tokenLinkCmd  `cmd:"" help:"Print the page where such a token is made, filled in."`
}

type tokenLinkCmd struct {
	Repo           []string `required:"" sep:"none" placeholder:"OWNER/NAME" help:"A repository that the token is for; may be repeated."`
	Workflows      bool     `help:"Flux changes files under .github/workflows, too."`
	NameConvention string   `default:"${tokenName}" placeholder:"NAME" help:"What to call it; {project} is the repository's name."`
	MaxDays        int      `default:"${tokenDays}" placeholder:"DAYS" help:"How long it is to live."`
	Server         string   `default:"https://github.com" placeholder:"URL" help:"The server."`
}

// Run prints the link, and what is left to do on its page.
func (c *tokenLinkCmd) Run(a *console.Console) error {
	need := token.ForFlux(c.Repo, c.Workflows)
	need.Name, need.MaxDays = c.NameConvention, c.MaxDays
	for _, full := range c.Repo {
		if owner, name, ok := strings.Cut(full, "/"); !ok || owner == "" || name == "" || strings.Contains(name, "/") {
			return console.Fail(console.StatusUsage, fmt.Errorf("--repo: %q is not of the form owner/name", full),
				"write it as goldfish-inc/oceanid")
		}
	}
	owner, _, _ := strings.Cut(c.Repo[0], "/")
	_, err := fmt.Fprintf(a.Stdout, `%s

Open it as the machine user, and check or choose
  Token name         %s
  Resource owner     %s
  Expiration         %d days
  Repository access  Only select repositories: %s
  Permissions        %s
`, console.OneLine(need.Link(c.Server)), console.OneLine(strings.Join(need.Names(), " or ")), console.OneLine(owner), c.MaxDays,
		console.OneLine(strings.Join(c.Repo, ", ")), strings.Join(need.Listed(), ", "))
	return err
}

type tokenCheckCmd struct {
	Repo           []string `required:"" sep:"none" placeholder:"OWNER/NAME" help:"A repository that the token is for; may be repeated."`
	Workflows      bool     `help:"Flux changes files under .github/workflows, too."`
	Policy         string   `placeholder:"FILE" help:"Take from this policy file whether Flux changes workflows (uses.workflows)."`
	Account        string   `placeholder:"LOGIN" help:"The machine user that the token should belong to."`
	Name           string   `placeholder:"NAME" help:"What the token is called, which GitHub does not tell."`
	NameConvention string   `default:"${tokenName}" placeholder:"NAME" help:"What it should be called; {project} is the repository's name."`
	MaxDays        int      `default:"${tokenDays}" placeholder:"DAYS" help:"The longest life that it may have ahead of it; 0 is any."`
	TokenFile      string   `placeholder:"FILE" help:"Read the token from this file."`
	APIURL         string   `name:"api-url" placeholder:"URL" help:"The API's root (default: $$GITHUB_API_URL, or github.com's)."`
	Format         string   `default:"text" enum:"text,json,markdown" placeholder:"FORMAT" help:"text (default), json or markdown."`
	console.Colored
}

// Run asks, judges and prints; the verdict is its exit status.
func (c *tokenCheckCmd) Run(a *console.Console) error {
	var rules policy.Policy
	if c.Policy != "" {
		var err error
		if rules, err = readPolicy(a, c.Policy); err != nil {
			return err
		}
	}
	need := token.ForFlux(c.Repo, c.Workflows || len(rules.Uses.Workflows) > 0)
	need.Name, need.Account, need.MaxDays = c.NameConvention, c.Account, c.MaxDays
	if c.MaxDays < 0 {
		return console.Fail(console.StatusUsage, errors.New("--max-days: less than none"), "give a number of days, such as 90")
	}
	s, err := c.token(a)
	if err != nil {
		return err
	}
	address := c.APIURL
	if address == "" {
		address, _ = a.Environment("GITHUB_API_URL")
	}
	patience := a.Announce("asking GitHub")
	t, err := checkToken(a, github.Options{Token: s, APIURL: address}, need, c.Name)
	patience.Stop()
	if err != nil {
		return err
	}
	return a.Present(t.Report(), c.Format, c.Color)
}

// checkToken asks GitHub about a token and judges what it answered.
func checkToken(a *console.Console, o github.Options, need token.Need, name string) (report.Token, error) {
	o.UserAgent = a.UserAgent()
	seen, err := probe.Token(a.Context, o, need)
	if err != nil {
		return report.Token{}, console.Fail(console.StatusUsage, err, "")
	}
	if a.Context.Err() != nil {
		return report.Token{}, console.Fail(console.StatusUndecided, a.Context.Err(), "")
	}
	seen.Name = name
	return report.JudgeToken(need, seen, a.Version), nil
}

// token reads the token from the first place that has one.
func (c *tokenCheckCmd) token(a *console.Console) (secret.Secret, error) {
	const hint = "pipe it into standard input, name a file with --token-file, or set FLUXKEEPER_TOKEN"
	usage := func(err error) (secret.Secret, error) {
		return secret.Secret{}, console.Fail(console.StatusUsage, err, cmp.Or(text.HintOf(err), hint))
	}
	s, err := a.Secret(c.TokenFile, "FLUXKEEPER_TOKEN")
	if err != nil {
		return usage(err)
	}
	if !s.Empty() {
		return s, nil
	}
	workflow, err := a.Secret("", "GITHUB_TOKEN")
	if err != nil || !workflow.Empty() && a.StdinIsTerminal() {
		return workflow, err
	}
	if s, err = a.ReadSecret("token"); err != nil {
		return usage(err)
	}
	if s.Empty() {
		s = workflow
	}
	if s.Empty() {
		return usage(errors.New("read token: there is none"))
	}
	return s, nil
}
