package flux

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Owner is a program that brings a Secret's values there, and would bring back
// the old ones.
type Owner struct {
	Name string
	// Instead is what to do there.
	Instead string
}

// Marks are what tells of an object's owner: its labels and annotations by name,
// the kinds of its ownerReferences, and the managers of its values as
// managedFields has them.
type Marks struct {
	Labels, Annotations map[string]string
	Kinds, Managers     []string
}

// OwnerOf says who owns a Secret; false where people write it. What people use
// themselves, such as kubectl, flux create and this program, is no owner.
func OwnerOf(m Marks) (Owner, bool) {
	for _, known := range []struct {
		owner      Owner
		kind       string
		manager    string // how it begins
		label      string // NAME or NAME=value
		annotation string // how its name begins
	}{
		{
			Owner{"External Secrets", "store the new token where the ExternalSecret gets it, and set its annotation force-sync, or wait for its " +
				"refreshInterval"},
			"ExternalSecret", "external-secrets", "reconcile.external-secrets.io/managed", "reconcile.external-secrets.io/",
		},
		{
			Owner{"Pulumi", "store the new token in the Pulumi ESC environment, or in the stack with `pulumi config set --secret`, and run " +
				"`pulumi up`"},
			"", "pulumi", "app.kubernetes.io/managed-by=pulumi", "pulumi.com/",
		},
		{Owner{"Sealed Secrets", "seal the new token with kubeseal, and commit it"}, "SealedSecret", "", "", "sealedsecrets.bitnami.com/"},
		{
			Owner{"the Secrets Store CSI driver", "store the new token in the vault that it reads"},
			"SecretProviderClassPodStatus", "secrets-store", "secrets-store.csi.k8s.io/managed", "",
		},
		{
			Owner{"Flux", "encrypt the new token in the repository that the Kustomization applies, and commit it"},
			"", "kustomize-controller", "kustomize.toolkit.fluxcd.io/name", "",
		},
		{Owner{"Helm", "give the new token to the chart's values"}, "", "helm", "app.kubernetes.io/managed-by=Helm", "meta.helm.sh/"},
		{Owner{"Argo CD", "change the Secret where the Application gets it"}, "", "argocd", "", "argocd.argoproj.io/tracking-id"},
		{Owner{"Terraform", "give the new token to Terraform, and apply"}, "", "terraform", "app.kubernetes.io/managed-by=terraform", ""},
	} {
		name, value, exact := strings.Cut(known.label, "=")
		have, labelled := m.Labels[name]
		if known.kind != "" && slices.Contains(m.Kinds, known.kind) ||
			known.manager != "" && slices.ContainsFunc(m.Managers,
				func(s string) bool { return strings.HasPrefix(strings.ToLower(s), known.manager) }) ||
			name != "" && labelled && (!exact || strings.EqualFold(have, value)) ||
			known.annotation != "" && slices.ContainsFunc(slices.Collect(maps.Keys(m.Annotations)),
				func(s string) bool { return strings.HasPrefix(s, known.annotation) }) {
			return known.owner, true
		}
	}
	if len(m.Kinds) > 0 {
		return Owner{"its " + m.Kinds[0], "change the token where the " + m.Kinds[0] + " gets it"}, true
	}
	return Owner{}, false
}

// Worked is when Flux last did all of its work with a Secret's token: the oldest
// of its automations' last runs, and the longest of their intervals, after which each
// has begun a run. The time is zero where one of them, or its repository, complains or
// has never run, and where none uses the Secret.
func Worked(c Cluster, secret string) (oldest time.Time, interval time.Duration) {
	sources := map[string]GitRepository{}
	for _, g := range c.Repositories {
		if g.Secret == secret {
			sources[g.Name] = g
		}
	}
	for _, a := range c.Automations {
		g, uses := sources[a.Source]
		if !uses || a.Suspended || a.SourceNamespace != "" && a.SourceNamespace != c.Namespace {
			continue
		}
		if !ready(a.Conditions) || !ready(g.Conditions) || g.Suspended || a.LastRun.IsZero() {
			return time.Time{}, 0
		}
		interval = max(interval, a.Interval)
		if oldest.IsZero() || a.LastRun.Before(oldest) {
			oldest = a.LastRun
		}
	}
	return oldest, interval
}

func ready(all []Condition) bool {
	i := slices.IndexFunc(all, func(c Condition) bool { return c.Type == "Ready" })
	return i >= 0 && all[i].Status == "True"
}
