package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// Copy looks at the token in a Secret that Flux reads. A Secret that holds anything
// else, or that no GitRepository refers to, is refused.
func (c *Client) Copy(ctx context.Context, namespace, name string) (rotation.Copy, error) {
	held, err := c.Token(ctx, namespace, name)
	if err != nil {
		return rotation.Copy{}, err
	}
	p := rotation.Copy{
		Place: rotation.Place{Where: place(namespace, name, held.Key), Revision: held.Version},
		Token: token.Fingerprint(held.Token), Held: held.Token,
	}
	if p.Token == "" {
		return p, text.WithHint(errors.New("use "+p.Where+": it holds no token of GitHub, and is left as it is"),
			"name the Secret that spec.secretRef of the GitRepository names")
	}
	users, err := c.users(ctx, namespace)
	if err != nil {
		return p, err
	}
	if !slices.ContainsFunc(users.Repositories, func(g flux.GitRepository) bool { return g.Secret == name }) {
		return p, text.WithHint(errors.New("use "+p.Where+": no GitRepository in "+namespace+" refers to this Secret"),
			"name the Secret that spec.secretRef of the GitRepository names")
	}
	p.Worked = func(context.Context) (last, needed time.Time, err error) {
		last, interval := flux.Worked(users, name)
		if !held.Changed.IsZero() {
			needed = held.Changed.Add(interval)
		}
		return last, needed, nil
	}
	if p.Cluster, err = c.ID(ctx); err != nil {
		p.Unknown = err.Error()
	}
	if held.Owned {
		p.Owner = held.Owner.Name
		p.Remark = held.Owner.Name + " manages the Secret " + namespace + "/" + name + ": " + held.Owner.Instead
		return p, nil
	}
	p.Store = func(ctx context.Context, s secret.Secret) (string, error) { return c.Swap(ctx, held, s) }
	return p, nil
}

// place names a Secret's key in records.
func place(namespace, name, key string) string { return "secret " + namespace + "/" + name + " " + key }

// Holders are the Secrets that hold a token for the repository, in the cluster of
// this ID.
func (r Reading) Holders(cluster, repository string) []rotation.Holder {
	var all []rotation.Holder
	for _, s := range r.Cluster.Secrets {
		for _, k := range s.Keys {
			if k.Fingerprint == "" || k.Name == "token" { // which Flux does not use
				continue
			}
			all = append(all, rotation.Holder{
				Place: rotation.Place{Where: place(s.Namespace, s.Name, k.Name), Cluster: cluster},
				Token: k.Fingerprint, Repositories: []string{repository},
			})
		}
	}
	return all
}
