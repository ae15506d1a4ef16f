package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Query says what to read.
type Query struct {
	Namespace string
	// Repository is owner/name; only the Secrets of its GitRepositories are read.
	// Empty means of all.
	Repository string
	// Since is where events and logs begin, Now the time of reading.
	Since, Now time.Time
}

// Reading is what was read.
type Reading struct {
	Cluster flux.Cluster
	// Token is the token that Flux sends for the repository, without white space
	// around it; empty where there is none, or several.
	Token secret.Secret
}

// wanted are the kinds of Flux's objects that are read, and the checks that
// need them.
func wanted() []kind {
	return []kind{
		{"source.toolkit.fluxcd.io", "gitrepositories", "GitRepository", flux.CheckRepository},
		{"image.toolkit.fluxcd.io", "imageupdateautomations", "ImageUpdateAutomation", flux.CheckAutomation},
		{"image.toolkit.fluxcd.io", "imagepolicies", "ImagePolicy", flux.CheckPolicies},
	}
}

type kind struct{ group, resource, kind, check string }

// Read gathers what is there. It fails only where the cluster does not answer
// at all; what else could not be read is listed in Cluster.Unread.
func (c *Client) Read(ctx context.Context, q Query) (Reading, error) {
	r := &reader{Client: c, ctx: ctx, query: q}
	r.cluster = flux.Cluster{Namespace: q.Namespace, Since: q.Since, Read: q.Now}
	served, err := r.discover()
	if err != nil {
		return Reading{}, fmt.Errorf("ask %s which kinds it serves: %w", c.host, err)
	}
	for _, k := range wanted() {
		r.cluster.APIs = append(r.cluster.APIs, flux.API{Kind: k.kind, Served: served[k.kind]})
		r.list(k, served[k.kind])
	}
	r.secrets()
	r.events()
	r.logs()
	if err := ctx.Err(); err != nil {
		return Reading{}, err
	}
	reading := Reading{Cluster: r.cluster}
	if len(r.tokens) == 1 {
		reading.Token = r.tokens[0]
	}
	return reading, nil
}

// reader is one Read.
type reader struct {
	*Client
	ctx     context.Context
	query   Query
	cluster flux.Cluster
	tokens  []secret.Secret
}

// unread notes what could not be read, and for which check it is missing.
func (r *reader) unread(check, what string, err error) {
	r.cluster.Unread = append(r.cluster.Unread, doctor.Unread{Check: check, What: what, Why: why(err)})
}

// why says in a few words what an API server's refusal means.
func why(err error) string {
	switch {
	case apierrors.IsForbidden(err):
		return "no right to read it (examples/kubernetes/doctor.yaml lists the rights)"
	case apierrors.IsUnauthorized(err):
		return "the cluster does not accept the credentials"
	case apierrors.IsNotFound(err):
		return "there is none"
	case errors.Is(err, context.DeadlineExceeded):
		return "the cluster did not answer in time"
	}
	return secret.Redact(err.Error())
}

// discover tells the served versions by kind, the preferred one first. Where an
// aggregated API is down, the answer is used without it.
func (r *reader) discover() (map[string][]string, error) {
	groups, lists, err := r.discovery.ServerGroupsAndResources()
	if err != nil && len(groups) == 0 {
		return nil, err
	}
	served := map[string][]string{}
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			continue
		}
		for _, resource := range l.APIResources {
			for _, k := range wanted() {
				if k.group == gv.Group && k.resource == resource.Name && !slices.Contains(served[k.kind], gv.Version) {
					served[k.kind] = append(served[k.kind], gv.Version)
				}
			}
		}
	}
	for name := range served {
		slices.SortFunc(served[name], func(a, b string) int { return version.CompareKubeAwareVersionStrings(b, a) })
	}
	return served, nil
}

// pageSize is how many objects are asked for at a time, maxPages how often.
const (
	pageSize = 500
	maxPages = 10
)

// pages lists page after page, each of which gives the key of the next.
func (r *reader) pages(check, what string, options meta.ListOptions, list func(meta.ListOptions) (next string, err error)) {
	what += " in namespace " + r.query.Namespace
	options.Limit = pageSize
	for range maxPages {
		next, err := list(options)
		if err != nil {
			r.unread(check, what, err)
			return
		}
		if options.Continue = next; next == "" {
			return
		}
	}
	r.unread(check, what, fmt.Errorf("there are more than %d", pageSize*maxPages))
}

// list reads the objects of a kind in the newest version that is served.
func (r *reader) list(k kind, served []string) {
	if len(served) == 0 {
		return // the check of the APIs says so
	}
	resource := schema.GroupVersionResource{Group: k.group, Version: served[0], Resource: k.resource}
	of := r.dynamic.Resource(resource).Namespace(r.query.Namespace)
	r.pages(k.check, k.resource, meta.ListOptions{}, func(options meta.ListOptions) (string, error) {
		page, err := of.List(r.ctx, options)
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			r.take(k, &page.Items[i])
		}
		return page.GetContinue(), nil
	})
}

func (r *reader) take(k kind, o *unstructured.Unstructured) {
	switch k.kind {
	case "GitRepository":
		r.cluster.Repositories = append(r.cluster.Repositories, gitRepository(o))
	case "ImageUpdateAutomation":
		a := automation(o)
		r.cluster.Automations = append(r.cluster.Automations, a)
		if a.SourceNamespace != "" && a.SourceNamespace != r.query.Namespace {
			r.unread(flux.CheckRepository, "GitRepository "+a.SourceNamespace+"/"+a.Source, errors.New("it is in another namespace than was read"))
		}
	case "ImagePolicy":
		r.cluster.Policies = append(r.cluster.Policies, imagePolicy(o))
	}
}

// secrets reads the Secrets that the repository's GitRepositories name, one by
// one: a right to list Secrets would be a right to read them all.
func (r *reader) secrets() {
	var names []string
	for _, g := range r.cluster.Repositories {
		if g.Secret != "" && g.Of(r.query.Repository) && !slices.Contains(names, g.Secret) {
			names = append(names, g.Secret)
		}
	}
	for _, name := range names {
		what := "Secret " + r.query.Namespace + "/" + name
		s, err := r.core.Secrets(r.query.Namespace).Get(r.ctx, name, meta.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			r.cluster.Secrets = append(r.cluster.Secrets, flux.Secret{Namespace: r.query.Namespace, Name: name, Missing: true})
		case err != nil:
			r.unread(flux.CheckSecret, what, err)
			r.unread(flux.CheckToken, what, err)
		default:
			r.cluster.Secrets = append(r.cluster.Secrets, describe(s))
			r.tokens = append(r.tokens, tokenOf(s))
		}
	}
}
