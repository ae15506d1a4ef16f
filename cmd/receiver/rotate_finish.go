package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// askAgain is how long to wait before asking about a dead token again: GitHub
// shuts out who sends bad credentials often.
const askAgain = 5 * time.Second

// Run proves the old token's end.
func (c *rotateFinishCmd) Run(a *console.Console) error {
	reading, err := c.read(a.Context)
	if err != nil {
		return err
	}
	known, err := drills(a.Context, reading)
	if err := errors.Join(err, reading.Close()); err != nil {
		return err
	}
	d, err := underWay(known, c.Repo)
	if err != nil {
		return err
	}
	if d.Old == "" && c.OldTokenFile != "" { // nobody had looked for it
		old, err := console.ReadSecretFile(c.OldTokenFile)
		if err != nil {
			return console.Fail(console.StatusUsage, err, "")
		}
		d.Old = token.Fingerprint(old)
	}
	proof, err := c.prove(a, d)
	if err != nil {
		return err
	}
	l, err := c.open(a.Context, store.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	now := time.Now().UTC().Truncate(time.Microsecond)
	if err := record(a.Context, l, rotation.Record{
		Step: rotation.Finished, Time: now, By: who(a, c.By), Repositories: d.Repositories, Old: d.Old, New: d.New, Proof: proof,
	}); err != nil {
		return err
	}
	text := map[rotation.Proof]string{rotation.Rejected: "GitHub does not take the old token", rotation.Revoked: "the old token is revoked, and GitHub does not take it", rotation.Vouched: "there is no old token any more, as you say"}[proof]
	if text == "" {
		text = "there was no old token"
	}
	_, err = fmt.Fprintf(a.Stdout, "finished: %s; that is on record\n", text)
	return err
}

// underWay is the rotation that can be finished: the newest that is not, and whose
// new token is stored. An earlier one that was left so is next, once that is done.
func underWay(known []rotation.Rotation, repo string) (rotation.Rotation, error) {
	open := slices.DeleteFunc(slices.Clone(known), func(d rotation.Rotation) bool { return d.Stored.IsZero() || !d.Finished.IsZero() })
	if d, ok := rotation.Newest(open, repo); ok {
		return d, nil
	}
	if last, ok := rotation.Newest(known, repo); ok && last.Stored.IsZero() {
		return rotation.Rotation{}, console.Fail(console.StatusUsage, errors.New("the new token is not stored yet"), "give it to `rotate start` once more")
	}
	return rotation.Rotation{}, console.Fail(console.StatusUsage, errors.New("no rotation is under way"), "begin one with `rotate start`")
}

// prove finds the old token dead, or kills it.
func (c *rotateFinishCmd) prove(a *console.Console, d rotation.Rotation) (rotation.Proof, error) {
	switch {
	case d.NoOld():
		return "", nil
	case c.Deleted && (c.Revoke || c.OldTokenFile != ""):
		return "", console.Fail(console.StatusUsage, errors.New("--deleted: whose text is there is asked about"), "leave --deleted out")
	case c.Deleted:
		return rotation.Vouched, nil
	case d.Old == "":
		return "", console.Fail(console.StatusUsage, errors.New("it is not on record whether there was an old token: no place was looked at"), "name it with --old-token-file; where there was none, or it was deleted, add --deleted")
	}
	all, err := c.places(a)
	if err != nil {
		return "", err
	}
	old, err := c.oldToken(a, c.OldTokenFile, d)
	if err == nil && old.Empty() {
		if old, err = a.ReadSecret("old token"); err != nil {
			err = console.Fail(console.StatusUsage, err, "")
		}
	}
	if err != nil {
		return "", err
	}
	if old.Empty() {
		return "", console.Fail(console.StatusUsage, errors.New("the old token is needed, to ask GitHub about it"), "pipe it into standard input, or name a file with --old-token-file; where nobody has it any more, delete it in GitHub's settings and add --deleted")
	}
	s, troubles, err := sight(a, all, d, old, c.APIURL)
	if err != nil {
		return "", err
	}
	for _, text := range troubles {
		a.Complain(errors.New(text))
	}
	switch {
	case s.Old == token.BadCredentials:
		return rotation.Rejected, nil
	case s.Old != token.OK:
		return "", console.Fail(console.StatusUndecided, fmt.Errorf("it cannot be told whether the old token is dead: GitHub's answer was %s", s.Old), "try again later")
	case !c.Revoke:
		return "", console.Fail(console.StatusFail, errors.New("the old token still answers"), "delete it in GitHub's settings and run this again, or add --revoke")
	case !d.Stand(s).Seen && !c.Unseen:
		return "", console.Fail(console.StatusUsage, errors.New("nobody saw Flux work with the new token: the old one is not revoked"), "name the Secret with --cluster-secret and wait for Flux's next run, or add --unseen")
	}
	return c.revoke(a, old)
}

func (c *rotateFinishCmd) revoke(a *console.Console, old secret.Secret) (rotation.Proof, error) {
	o := github.Options{APIURL: c.APIURL, UserAgent: a.UserAgent()}
	if err := probe.Revoke(a.Context, o, old); err != nil {
		return "", console.Fail(console.StatusUndecided, err, console.HintOf(err))
	}
	o.Token = old
	for deadline := time.Now().Add(c.Wait); ; {
		class, err := probe.Answers(a.Context, o)
		switch {
		case err != nil:
			return "", console.Fail(console.StatusUndecided, err, console.HintOf(err))
		case class == token.BadCredentials:
			return rotation.Revoked, nil
		case time.Now().After(deadline) || !pause(a.Context, askAgain):
			return "", console.Fail(console.StatusUndecided, errors.New("GitHub took the revocation, and the old token still answers"), "run `rotate finish` again in a few minutes")
		}
	}
}
