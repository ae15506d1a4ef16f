package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/cluster"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/esc"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// rotateCommands are the drill of replacing the token.
type rotateCommands struct {
	Start  rotateStartCmd  `cmd:"" help:"Check a new token, put it where Flux gets it, and put that on record."`
	Status rotateStatusCmd `cmd:"" help:"Say where the rotation stands, and what to do next."`
	Finish rotateFinishCmd `cmd:"" help:"Prove that the old token is dead, or revoke it, and put that on record."`
}

// Help is shown by rotate --help.
func (rotateCommands) Help() string {
	return `Replaces the token in three steps, with 24 hours in which both work. GitHub makes tokens for people at its settings page only, so that one of the steps is a person's.

  fluxkeeper-receiver rotate start --repo goldfish-inc/oceanid                          # what to choose on GitHub's page
  fluxkeeper-receiver rotate start --repo goldfish-inc/oceanid --esc acme/flux/prod < new-token
  fluxkeeper-receiver rotate status --cluster-secret flux-system/github-token
  fluxkeeper-receiver rotate finish --revoke --old-token-file old-token

No token is printed or kept in the ledger: it has their fingerprints, which are GitHub's hashed_token.`
}

// keeping says where the token is kept, besides GitHub. Each place is optional.
type keeping struct {
	Esc           string `placeholder:"ORG/PROJECT/ENV" help:"The Pulumi ESC environment that has the token."`
	EscPath       string `default:"github.token" placeholder:"PATH" help:"Where in it (default: github.token)."`
	EscURL        string `name:"esc-url" placeholder:"URL" help:"Pulumi's backend (default: $$PULUMI_BACKEND_URL, or Pulumi's own)."`
	EscTokenFile  string `placeholder:"FILE" complete:"file" help:"A Pulumi access token (else $$PULUMI_ACCESS_TOKEN)."`
	ClusterSecret string `placeholder:"NAMESPACE/NAME" help:"The Secret that Flux takes the token from."`
	Kubeconfig    string `placeholder:"FILE" complete:"file" help:"How to reach the cluster (default: $$KUBECONFIG, ~/.kube/config, or the pod's service account)."`
	Context       string `placeholder:"NAME" help:"A context of that file (default: its current one)."`
}

// place is one that was looked at.
type place struct {
	rotation.Place
	value secret.Secret
	// bring puts another token there; nil where that is another program's business.
	bring func(context.Context, secret.Secret) (revision string, err error)
	// worked is when Flux last worked with it; nil where that is not to be seen.
	worked func(context.Context) (time.Time, error)
	// form is a sentence on how it is kept there, where that is not as it should be.
	form string
	// unknown is a sentence on why its cluster is not known, where it has one.
	unknown string
}

func (p place) fingerprint() string {
	if p.value.Empty() {
		return ""
	}
	return token.Fingerprint(p.value)
}

// places looks at each place that was named: Pulumi ESC first, so that what the
// cluster gets from there is there before.
func (k keeping) places(a *console.Console) ([]place, error) {
	var all []place
	if k.Esc != "" {
		p, err := k.escPlace(a)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if k.ClusterSecret != "" {
		p, err := k.clusterPlace(a)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// environment is the client for Pulumi ESC, with what is asked about.
func (k keeping) environment(a *console.Console) (*esc.Client, esc.Environment, esc.Path, error) {
	usage := func(err error) (*esc.Client, esc.Environment, esc.Path, error) {
		return nil, esc.Environment{}, esc.Path{}, console.Fail(console.StatusUsage, err, console.HintOf(err))
	}
	env, err := esc.ParseEnvironment(k.Esc)
	if err != nil {
		return usage(err)
	}
	path, err := esc.ParsePath(k.EscPath)
	if err != nil {
		return usage(err)
	}
	text, _ := a.Environment("PULUMI_ACCESS_TOKEN")
	access := console.TrimSecret(text)
	if k.EscTokenFile != "" {
		if access, err = console.ReadSecretFile(k.EscTokenFile); err != nil {
			return usage(err)
		}
	}
	address, _ := a.Environment("PULUMI_BACKEND_URL")
	client, err := esc.New(esc.Options{URL: cmp.Or(k.EscURL, address), Token: access, UserAgent: a.UserAgent()})
	if err != nil {
		return usage(err)
	}
	return client, env, path, nil
}

func (k keeping) escPlace(a *console.Console) (place, error) {
	client, env, path, err := k.environment(a)
	if err != nil {
		return place{}, err
	}
	d, err := client.Definition(a.Context, env)
	if err != nil {
		return place{}, console.Fail(console.StatusUndecided, err, console.HintOf(err))
	}
	p := place{Place: rotation.Place{Where: "esc " + env.String() + " " + path.String(), Revision: strconv.FormatInt(d.Revision(), 10)}}
	switch d.At(path) {
	case esc.Absent:
	case esc.Plain:
		p.form = p.Where + " holds the token in plain text: whoever may read the environment's definition reads it"
	}
	if d.At(path) != esc.Absent {
		v, err := client.Value(a.Context, env, 0, path)
		if err != nil {
			return place{}, console.Fail(console.StatusUndecided, err, console.HintOf(err))
		}
		p.value = secret.New(strings.TrimSpace(v.Text.Reveal()))
	}
	p.bring = func(ctx context.Context, s secret.Secret) (string, error) {
		revision, err := client.Set(ctx, env, path, s)
		if err != nil {
			return "", err
		}
		back, err := client.Value(ctx, env, 0, path)
		if err != nil {
			return "", err
		}
		if back.Text.Reveal() != s.Reveal() || !back.Secret {
			return "", errors.New("set " + path.String() + " of environment " + env.String() + ": what is read back is another value, or no secret")
		}
		return strconv.FormatInt(revision, 10), nil
	}
	return p, nil
}

func (k keeping) clusterPlace(a *console.Console) (place, error) {
	namespace, name, ok := strings.Cut(k.ClusterSecret, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return place{}, console.Fail(console.StatusUsage, fmt.Errorf("--cluster-secret: %q is not of the form namespace/name", k.ClusterSecret), "write --cluster-secret flux-system/github-token")
	}
	client, err := cluster.Connect(cluster.Options{Kubeconfig: k.Kubeconfig, Context: k.Context, UserAgent: a.UserAgent()})
	if err != nil {
		return place{}, console.Fail(console.StatusUsage, err, console.HintOf(err))
	}
	held, err := client.Token(a.Context, namespace, name)
	if err != nil {
		return place{}, console.Fail(console.StatusUndecided, err, console.HintOf(err))
	}
	p := place{Place: rotation.Place{Where: "secret " + k.ClusterSecret + " " + held.Key, Revision: held.Version}, value: held.Token}
	if p.Cluster, err = client.ID(a.Context); err != nil {
		p.unknown = err.Error()
	}
	p.worked = func(ctx context.Context) (time.Time, error) { return client.Worked(ctx, namespace, name) }
	if held.Owned {
		p.Owner = held.Owner.Name
		p.form = held.Owner.Name + " manages the Secret " + k.ClusterSecret + ": " + held.Owner.Instead
		return p, nil
	}
	p.bring = func(ctx context.Context, s secret.Secret) (string, error) { return client.Swap(ctx, held, s) }
	return p, nil
}

// who is the name that a rotation is recorded under.
func who(a *console.Console, by string) string {
	actor, _ := a.Environment("GITHUB_ACTOR")
	user, _ := a.Environment("USER")
	return cmp.Or(by, actor, user, "somebody")
}

// record appends one step to the ledger.
func record(ctx context.Context, l *store.Ledger, r rotation.Record) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	target := ""
	if len(r.Repositories) > 0 {
		target = r.Repositories[0]
	}
	_, err = l.Append(ctx, ledger.Entry{
		Kind: ledger.Rotation, Time: r.Time.Truncate(time.Microsecond), Source: "fluxkeeper", ID: r.New, Name: string(r.Step), Target: target,
	}, body)
	if err != nil {
		return console.Fail(console.StatusUndecided, err, console.HintOf(err))
	}
	return nil
}

// drills are the ledger's rotations, the last last. An error that is unreadable
// leaves those that could be read.
func drills(ctx context.Context, l *store.Ledger) ([]rotation.Rotation, error) {
	all, err := records(ctx, l)
	return rotation.Join(all), err
}

// unreadable is the error about records that this program cannot read.
type unreadable struct{ entries []string }

func (u unreadable) Error() string { return "read rotations: " + strings.Join(u.entries, "; ") }

// Hint is for whoever meets it.
func (unreadable) Hint() string { return "a later version of this program may have written it" }

// records reads what the ledger has of rotations, in its order. An error that is
// unreadable leaves those that could be read.
func records(ctx context.Context, l *store.Ledger) ([]rotation.Record, error) {
	var all []rotation.Record
	var not unreadable
	for entry, err := range l.Records(ctx, ledger.Query{Kinds: []ledger.Kind{ledger.Rotation}}) {
		if err != nil {
			return nil, console.Fail(console.StatusUndecided, err, console.HintOf(err))
		}
		body, err := l.Body(ctx, entry.Index)
		if err != nil {
			return nil, console.Fail(console.StatusUndecided, fmt.Errorf("read entry %d: %w", entry.Index, err), "")
		}
		r, err := rotation.ParseRecord(body)
		if err != nil {
			not.entries = append(not.entries, fmt.Sprintf("entry %d: %v", entry.Index, err))
			continue
		}
		all = append(all, r)
	}
	if len(not.entries) > 0 {
		return all, console.Fail(console.StatusUndecided, not, not.Hint())
	}
	return all, nil
}

// oldToken reads the token that was replaced: from the file, or from the revision
// of the environment before the new one was stored. Empty where neither has it.
func (k keeping) oldToken(a *console.Console, file string, d rotation.Rotation) (secret.Secret, error) {
	if file != "" {
		s, err := console.ReadSecretFile(file)
		if err != nil {
			return s, console.Fail(console.StatusUsage, err, "")
		}
		return s, nil
	}
	for _, p := range d.Places {
		before, err := strconv.ParseInt(p.Before, 10, 64)
		if err != nil || before == 0 || k.Esc == "" || p.Where != "esc "+k.Esc+" "+k.EscPath {
			continue
		}
		client, env, path, err := k.environment(a)
		if err != nil {
			return secret.Secret{}, err
		}
		v, err := client.Value(a.Context, env, before, path)
		if err != nil {
			return secret.Secret{}, console.Fail(console.StatusUndecided, err, console.HintOf(err))
		}
		return secret.New(strings.TrimSpace(v.Text.Reveal())), nil
	}
	return secret.Secret{}, nil
}

// shared are the findings on tokens that are on record for another cluster or
// repository than the places that were just looked at, which hold these for the
// repositories. An empty fingerprint means what each place holds.
func shared(known []rotation.Record, now time.Time, all []place, fingerprint string, repositories []string) []finding.Finding {
	holders := rotation.Holders(known, now)
	for _, p := range all {
		holders = rotation.Hold(holders, rotation.Holder{Place: p.Place, Token: cmp.Or(fingerprint, p.fingerprint()), Repositories: repositories})
	}
	return rotation.Shared(slices.DeleteFunc(holders, func(h rotation.Holder) bool { return fingerprint != "" && h.Token != fingerprint }))
}

// sight looks at the places, and asks GitHub about the old token, if there is one.
func sight(a *console.Console, all []place, d rotation.Rotation, old secret.Secret, api string) (rotation.Observation, []string, error) {
	s := rotation.Observation{Now: time.Now().UTC(), Copies: map[string]string{}}
	var troubles []string
	for _, p := range all {
		s.Copies[p.Where] = p.fingerprint()
		if p.unknown != "" {
			troubles = append(troubles, secret.Redact(p.unknown))
		}
		if p.worked == nil {
			continue
		}
		at, err := p.worked(a.Context)
		if err != nil {
			troubles = append(troubles, secret.Redact(err.Error()))
			continue
		}
		s.InCluster, s.Worked = p.Where, at
	}
	if old.Empty() {
		return s, troubles, nil
	}
	if token.Fingerprint(old) != d.Old {
		return s, troubles, console.Fail(console.StatusUsage, errors.New("this is not the token that was replaced: its fingerprint is another"), "the old one's is "+cmp.Or(d.Old, "not on record"))
	}
	class, err := probe.Answers(a.Context, github.Options{Token: old, APIURL: api, UserAgent: a.UserAgent()})
	if err != nil {
		return s, troubles, console.Fail(console.StatusUsage, err, console.HintOf(err))
	}
	s.Old = class
	return s, troubles, nil
}
