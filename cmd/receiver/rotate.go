package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/esc"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// rotateCommands are the steps of replacing the token.
type rotateCommands struct {
	Start  rotateStartCmd  `cmd:"" help:"Check a new token, put it where Flux gets it, and put that on record."`
	Status rotateStatusCmd `cmd:"" help:"Say where the rotation stands, and what to do next."`
	Finish rotateFinishCmd `cmd:"" help:"Prove that the old token is dead, or revoke it, and put that on record."`
}

// keeping says where the token is kept, besides GitHub. Each place is optional.
type keeping struct {
	Esc           string `placeholder:"ORG/PROJECT/ENV" help:"The Pulumi ESC environment that has the token."`
	EscPath       string `default:"github.token" placeholder:"PATH" help:"Where in it."`
	EscURL        string `name:"esc-url" placeholder:"URL" help:"Pulumi's backend (default: $$PULUMI_BACKEND_URL, or Pulumi's own)."`
	EscTokenFile  string `placeholder:"FILE" help:"A Pulumi access token (else $$PULUMI_ACCESS_TOKEN)."`
	ClusterSecret string `placeholder:"NAMESPACE/NAME" help:"The Secret that Flux takes the token from."`
	kube
}

// places looks at each place that was named: Pulumi ESC first, so that what the
// cluster gets from there is there before.
func (k keeping) places(a *console.Console) ([]rotation.Copy, error) {
	var all []rotation.Copy
	if k.Esc != "" {
		slot, err := k.slot(a)
		if err != nil {
			return nil, err
		}
		p, err := slot.Copy(a.Context)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if k.ClusterSecret != "" {
		namespace, name, err := pair("--cluster-secret", k.ClusterSecret, "namespace/name", "flux-system/github-token")
		if err != nil {
			return nil, err
		}
		client, err := k.connect(a)
		if err != nil {
			return nil, err
		}
		p, err := client.Copy(a.Context, namespace, name)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// slot is where the environment has the token.
func (k keeping) slot(a *console.Console) (esc.Slot, error) {
	access, err := a.Secret(k.EscTokenFile, "PULUMI_ACCESS_TOKEN")
	if err != nil {
		return esc.Slot{}, err
	}
	address, _ := a.Environment("PULUMI_BACKEND_URL")
	client, err := esc.New(esc.Options{URL: cmp.Or(k.EscURL, address), Token: access, UserAgent: a.UserAgent()})
	if err != nil {
		return esc.Slot{}, console.Fail(console.StatusUsage, err, "")
	}
	slot, err := client.Slot(k.Esc, k.EscPath)
	if err != nil {
		return slot, console.Fail(console.StatusUsage, err, "")
	}
	return slot, nil
}

// tokens say where a rotation's two tokens are, and whom to ask about them.
type tokens struct {
	OldTokenFile string `placeholder:"FILE" complete:"file" help:"The old token (default: that of the environment's revision before)."`
	NewTokenFile string `placeholder:"FILE" complete:"file" help:"The new token (default: that of the places)."`
	APIURL       string `name:"api-url" placeholder:"URL" help:"Where GitHub's API is (default: as on record; no other is asked)."`
}

// server is the one that the rotation is on record for. The flag may only repeat it.
func (k tokens) server(r rotation.Rotation) (string, error) {
	if k.APIURL == "" {
		return r.Server, nil
	}
	root, err := github.Options{APIURL: k.APIURL}.Root()
	switch {
	case err != nil:
		return "", console.Fail(console.StatusUsage, err, "")
	case root.String() != r.Server:
		return "", console.Fail(console.StatusUsage, fmt.Errorf("--api-url: the rotation is on record for %s, and no other server is asked",
			text.Line(r.Server)), "leave --api-url out")
	}
	return r.Server, nil
}

// oldToken reads the token that was replaced: from the file, or from the revision
// of the environment before the new one was stored. Empty where neither has it.
func (k keeping) oldToken(a *console.Console, file string, r rotation.Rotation) (secret.Secret, error) {
	switch {
	case file != "":
		return console.ReadSecretFile(file)
	case k.Esc == "":
		return secret.Secret{}, nil
	}
	slot, err := k.slot(a)
	if err != nil {
		return secret.Secret{}, err
	}
	return slot.Replaced(a.Context, r)
}

// observe looks at the places, and asks GitHub about the old token, if there is one.
// That it is dead counts only where the same server takes the new one in between.
func observe(a *console.Console, places []rotation.Copy, r rotation.Rotation, old secret.Secret, t tokens) (rotation.Observation,
	[]string, error) {
	o, gaps := rotation.Observe(a.Context, now(), places)
	for i, gap := range gaps {
		gaps[i] = secret.Redact(gap)
	}
	if old.Empty() {
		return o, gaps, nil
	}
	if token.Fingerprint(old) != r.Old {
		return o, gaps, console.Fail(console.StatusUsage, errors.New("this is not the token that was replaced: its fingerprint is another"),
			"the old one's is "+cmp.Or(r.Old, "not on record"))
	}
	p, err := t.asker(a, places, r, old)
	if err != nil {
		return o, gaps, err
	}
	var gap string
	if o.Old, gap, err = p.Class(); err != nil {
		return o, gaps, err
	}
	if gap != "" {
		gaps = append(gaps, gap)
	}
	return o, gaps, nil
}

// fresh is the new token: from its file, or from a place that holds it; empty where
// neither has it.
func (k tokens) fresh(places []rotation.Copy, r rotation.Rotation) (secret.Secret, error) {
	if k.NewTokenFile == "" {
		return rotation.Fresh(places, r.New), nil
	}
	s, err := console.ReadSecretFile(k.NewTokenFile)
	if err == nil && token.Fingerprint(s) != r.New {
		err = console.Fail(console.StatusUsage, errors.New("--new-token-file: this is not the new token: its fingerprint is another"),
			"the new one's is "+r.New)
	}
	return s, err
}

// asker asks the rotation's server about its two tokens.
func (k tokens) asker(a *console.Console, places []rotation.Copy, r rotation.Rotation, old secret.Secret) (rotation.Asker, error) {
	fresh, err := k.fresh(places, r)
	if err != nil {
		return rotation.Asker{}, err
	}
	server, err := k.server(r)
	return rotation.Asker{Old: old, New: fresh, Ask: func(s secret.Secret) (token.Class, error) {
		class, err := probe.Answers(a.Context, github.Options{Token: s, APIURL: server, UserAgent: a.UserAgent()})
		if err != nil {
			return "", console.Fail(console.StatusUsage, err, "")
		}
		return class, nil
	}}, err
}

// who is the name that a rotation is recorded under.
func who(a *console.Console, by string) string {
	actor, _ := a.Environment("GITHUB_ACTOR")
	user, _ := a.Environment("USER")
	return cmp.Or(by, actor, user, "somebody")
}

// rotations are those of a ledger that is opened to look at them.
func (w where) rotations(ctx context.Context) (h rotation.History, err error) {
	err = w.with(ctx, func(l *store.Ledger) (err error) {
		h, err = rotation.Whole(ctx, l)
		return err
	})
	return h, err
}
