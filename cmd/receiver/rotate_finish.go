package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// rotateFinishCmd ends the last rotation.
type rotateFinishCmd struct {
	appending
	keeping
	tokens
	Repo    string        `placeholder:"OWNER/NAME" help:"The rotation of this repository (default: the last one that is under way)."`
	Revoke  bool          `help:"Revoke the old token through GitHub's API, for good, if it still answers."`
	Deleted bool          `help:"Take your word that the old token was deleted at GitHub, where nobody has its text any more."`
	Unseen  bool          `help:"Revoke it although nobody saw Flux work with the new one."`
	Wait    time.Duration `default:"1m" placeholder:"TIME" help:"How long to wait until GitHub has revoked it."`
	By      string        `placeholder:"WHO" help:"Who does it, for the record (default: $$GITHUB_ACTOR or $$USER)."`
}

// askAgain is how long to wait before asking about a dead token again: GitHub
// shuts out who sends bad credentials often.
const askAgain = 5 * time.Second

// Run proves the old token's end.
func (c *rotateFinishCmd) Run(a *console.Console) error {
	do, end, err := c.begin(a)
	if err != nil {
		return err
	}
	defer end()
	h, err := do.history(a.Context)
	if err != nil {
		return err
	}
	r, err := h.UnderWay(c.Repo)
	if err != nil {
		return console.Fail(console.StatusUsage, err, "")
	}
	if r.Old == "" && c.OldTokenFile != "" { // nobody had looked for it
		old, err := console.ReadSecretFile(c.OldTokenFile)
		if err != nil {
			return err
		}
		r.Old = token.Fingerprint(old)
	}
	proof, err := c.prove(a, r)
	if err != nil {
		return err
	}
	if err := do.record(a.Context, rotation.Record{
		Step: rotation.Finished, Time: now(), By: who(a, c.By), Server: r.Server, Repositories: r.Repositories, Old: r.Old, New: r.New,
		Proof: proof,
	}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "finished: %s; that is on record\n", map[rotation.Proof]string{
		rotation.Rejected: "GitHub does not take the old token",
		rotation.Revoked:  "the old token is revoked, and GitHub does not take it",
		rotation.Vouched:  "there is no old token any more, as you say",
		"":                "there was no old token",
	}[proof])
	return err
}

// prove finds the old token dead, or kills it.
func (c *rotateFinishCmd) prove(a *console.Console, r rotation.Rotation) (rotation.Proof, error) {
	switch {
	case r.NoOld():
		return "", nil
	case c.Deleted && (c.Revoke || c.OldTokenFile != ""):
		return "", console.Fail(console.StatusUsage, errors.New("--deleted: whose text is there is asked about"), "leave --deleted out")
	case c.Deleted:
		return rotation.Vouched, nil
	case r.Old == "":
		return "", console.Fail(console.StatusUsage, errors.New("it is not on record whether there was an old token: no place was looked at"),
			"name it with --old-token-file; where there was none, or it was deleted, add --deleted")
	}
	if _, err := c.server(r); err != nil {
		return "", err
	}
	places, err := c.places(a)
	if err != nil {
		return "", err
	}
	old, err := c.old(a, r)
	if err != nil {
		return "", err
	}
	seen, gaps, err := observe(a, places, r, old, c.tokens)
	if err != nil {
		return "", err
	}
	for _, gap := range gaps {
		a.Complain(errors.New(gap))
	}
	switch {
	case seen.Old == token.BadCredentials:
		return rotation.Rejected, nil
	case seen.Old != token.OK:
		return "", console.Fail(console.StatusUndecided,
			fmt.Errorf("it cannot be told whether the old token is dead: GitHub's answer was %s", seen.Old), "try again later")
	case !c.Revoke:
		return "", console.Fail(console.StatusFail, errors.New("the old token still answers"),
			"delete it in GitHub's settings and run this again, or add --revoke")
	case !r.Stand(seen).Seen && !c.Unseen:
		return "", console.Fail(console.StatusUsage, errors.New("nobody saw Flux work with the new token: the old one is not revoked"),
			"name the Secret with --cluster-secret and wait for Flux's next run, or add --unseen")
	}
	return c.revoke(a, places, r, old)
}

// old is the old token, from wherever it is to be had.
func (c *rotateFinishCmd) old(a *console.Console, r rotation.Rotation) (secret.Secret, error) {
	old, err := c.oldToken(a, c.OldTokenFile, r)
	if err == nil && old.Empty() {
		old, err = a.ReadSecret("old token")
	}
	if err == nil && old.Empty() {
		err = console.Fail(console.StatusUsage, errors.New("the old token is needed, to ask GitHub about it"),
			"pipe it into standard input, or name a file with --old-token-file; where nobody has it any more, delete it in GitHub's settings "+
				"and add --deleted")
	}
	return old, err
}

// revoke kills the old token, once the same server takes the new one.
func (c *rotateFinishCmd) revoke(
	a *console.Console, places []rotation.Copy, r rotation.Rotation, old secret.Secret,
) (rotation.Proof, error) {
	p, err := c.asker(a, places, r, old)
	if err != nil {
		return "", err
	}
	switch control, err := p.Control(); {
	case err != nil:
		return "", err
	case control == "":
		return "", console.Fail(console.StatusUsage,
			errors.New("no new token is at hand, to see that GitHub takes it: the old one is not revoked"),
			"name a place that has it, or give --new-token-file")
	case control != token.OK:
		return "", console.Fail(console.StatusUndecided,
			fmt.Errorf("GitHub does not take the new token: the old one is not revoked; its answer was %s",
				control), "see `rotate status`")
	}
	if err := probe.Revoke(a.Context, github.Options{APIURL: r.Server, UserAgent: a.UserAgent()}, old); err != nil {
		return "", err
	}
	for deadline := time.Now().Add(c.Wait); ; {
		class, _, err := p.Class()
		switch {
		case err != nil:
			return "", err
		case class == token.BadCredentials:
			return rotation.Revoked, nil
		case time.Now().After(deadline) || github.Sleep(a.Context, askAgain) != nil:
			return "", console.Fail(console.StatusUndecided, errors.New("GitHub took the revocation, and the old token still answers"),
				"run `rotate finish` again in a few minutes")
		}
	}
}
