package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Manager is the name that Swap writes under, as managedFields keeps it.
const Manager = "fluxkeeper"

// Held is what one Secret holds for Flux.
type Held struct {
	Namespace, Name string
	// Key is the one that Flux takes the token from.
	Key string
	// Token is what it holds, without white space around it.
	Token secret.Secret
	// Version is the resourceVersion that it was read at.
	Version string
	// Changed is when its values were last written, by the API server's clock; zero
	// where the server does not keep it.
	Changed time.Time
	// Owner is who would bring the old token back; Owned says that there is one.
	Owner flux.Owner
	Owned bool

	object *core.Secret
}

// Token reads the Secret that Flux takes its token from.
func (c *Client) Token(ctx context.Context, namespace, name string) (Held, error) {
	what := "read Secret " + namespace + "/" + name
	s, err := c.core.Secrets(namespace).Get(ctx, name, meta.GetOptions{})
	if err != nil {
		return Held{}, text.WithHint(errors.New(what+": "+why(err)), "examples/kubernetes/rotate.yaml lists the rights")
	}
	h := Held{Namespace: namespace, Name: name, Version: s.ResourceVersion, Token: tokenOf(s), object: s}
	keys := []string{"password", "bearerToken"}
	if at := slices.IndexFunc(keys, func(key string) bool { return len(s.Data[key]) > 0 }); at >= 0 {
		h.Key = keys[at]
	} else {
		return Held{}, text.WithHint(errors.New(what+": it has neither password nor bearerToken, so that Flux asks without a token"),
			"make it with `flux create secret git`, with username and password")
	}
	marks := flux.Marks{Labels: s.Labels, Annotations: s.Annotations, Managers: managers(s.ManagedFields)}
	for _, o := range s.OwnerReferences {
		marks.Kinds = append(marks.Kinds, o.Kind)
	}
	slices.Sort(marks.Kinds)
	h.Owner, h.Owned = flux.OwnerOf(marks)
	for _, f := range s.ManagedFields {
		if f.Time != nil && f.Time.After(h.Changed) {
			h.Changed = f.Time.Time
		}
	}
	return h, nil
}

// Swap puts another token in the place of the one that was read, and gives the
// Secret's new version. It changes nothing if anybody changed the Secret
// meanwhile, or if it belongs to another program.
func (c *Client) Swap(ctx context.Context, h Held, token secret.Secret) (string, error) {
	what := "change Secret " + h.Namespace + "/" + h.Name
	switch {
	case h.object == nil || token.Empty():
		return "", errors.New(what + ": there is nothing to change")
	case h.Owned:
		return "", text.WithHint(errors.New(what+": "+h.Owner.Name+" manages it, and would bring the old token back"), h.Owner.Instead)
	case h.object.Immutable != nil && *h.object.Immutable:
		return "", text.WithHint(errors.New(what+": it is immutable"), "delete it and create it again with the new token")
	}
	changed := h.object.DeepCopy()
	changed.Data[h.Key] = []byte(token.Reveal())
	if describe(h.object).Applied { // it would keep the old token
		delete(changed.Annotations, core.LastAppliedConfigAnnotation)
	}
	done, err := c.core.Secrets(h.Namespace).Update(ctx, changed, meta.UpdateOptions{FieldManager: Manager})
	switch {
	case apierrors.IsConflict(err):
		return "", text.WithHint(errors.New(what+": somebody changed it at the same time"), "look at what it holds now, and try again")
	case err != nil:
		// What an API server refuses it may quote.
		return "", text.WithHint(errors.New(what+": "+strings.ReplaceAll(why(err), token.Reveal(), token.String())),
			"examples/kubernetes/rotate.yaml lists the rights")
	}
	return done.ResourceVersion, nil
}

// users reads the GitRepositories and automations that may use a namespace's Secrets.
func (c *Client) users(ctx context.Context, namespace string) (flux.Cluster, error) {
	r := &reader{Client: c, ctx: ctx, query: Query{Namespace: namespace}}
	served, err := r.discover()
	if err != nil {
		return flux.Cluster{}, fmt.Errorf("ask %s which kinds it serves: %w", c.host, err)
	}
	for _, k := range wanted() {
		if k.check == flux.CheckRepository || k.check == flux.CheckAutomation {
			r.list(k, served[k.kind])
		}
	}
	r.cluster.Namespace = namespace
	if len(r.cluster.Unread) > 0 {
		u := r.cluster.Unread[0]
		return flux.Cluster{}, fmt.Errorf("read %s: %s", cmp.Or(u.What, u.Check), u.Why)
	}
	return r.cluster, nil
}
