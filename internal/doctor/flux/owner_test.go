package flux_test

import (
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
)

func TestOwnerOf(t *testing.T) {
	type set = map[string]string
	for name, c := range map[string]struct {
		marks flux.Marks
		want  string
	}{
		"nobody":            {flux.Marks{}, ""},
		"kubectl":           {flux.Marks{Managers: []string{"kubectl-client-side-apply", "kubectl-edit", "kubectl-create"}}, ""},
		"flux create":       {flux.Marks{Managers: []string{"flux"}, Labels: set{"app.kubernetes.io/part-of": "flux"}}, ""},
		"ourselves":         {flux.Marks{Managers: []string{"fluxkeeper"}}, ""},
		"External Secrets":  {flux.Marks{Kinds: []string{"ExternalSecret"}}, "External Secrets"},
		"orphan of ESO":     {flux.Marks{Labels: set{"reconcile.external-secrets.io/managed": "true"}}, "External Secrets"},
		"annotation of ESO": {flux.Marks{Annotations: set{"reconcile.external-secrets.io/data-hash": "x"}}, "External Secrets"},
		"Pulumi's SSA":      {flux.Marks{Managers: []string{"pulumi-kubernetes-1a2b3c4d"}}, "Pulumi"},
		"Pulumi's label":    {flux.Marks{Labels: set{"app.kubernetes.io/managed-by": "pulumi"}}, "Pulumi"},
		"Pulumi and people": {flux.Marks{Managers: []string{"kubectl-edit", "pulumi-resource-kubernetes"}}, "Pulumi"},
		"Flux":              {flux.Marks{Labels: set{"kustomize.toolkit.fluxcd.io/name": "flux-system"}}, "Flux"},
		"Helm":              {flux.Marks{Labels: set{"app.kubernetes.io/managed-by": "Helm"}}, "Helm"},
		"sealed":            {flux.Marks{Kinds: []string{"SealedSecret"}}, "Sealed Secrets"},
		"somebody":          {flux.Marks{Kinds: []string{"VaultStaticSecret"}}, "its VaultStaticSecret"},
	} {
		got, owned := flux.OwnerOf(c.marks)
		if got.Name != c.want || owned != (c.want != "") || owned && got.Instead == "" {
			t.Errorf("%s: %+v, %v; want %q", name, got, owned, c.want)
		}
	}
}

func TestWorked(t *testing.T) {
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	good := []flux.Condition{{Type: "Ready", Status: "True"}}
	bad := []flux.Condition{{Type: "Ready", Status: "False"}}
	g := func(name, secret string, c []flux.Condition) flux.GitRepository {
		return flux.GitRepository{Namespace: "f", Name: name, Secret: secret, Conditions: c}
	}
	a := func(source string, last time.Time, c []flux.Condition) flux.Automation {
		return flux.Automation{Namespace: "f", Name: "a" + source, Source: source, LastRun: last, Conditions: c, Interval: time.Minute}
	}
	type repos = []flux.GitRepository
	type autos = []flux.Automation
	suspended := a("x", time.Time{}, bad)
	suspended.Suspended = true
	for name, c := range map[string]struct {
		cluster flux.Cluster
		want    time.Time
	}{
		"nothing":          {flux.Cluster{}, time.Time{}},
		"one":              {flux.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", at, good)}}, at},
		"another's Secret": {flux.Cluster{Repositories: repos{g("x", "t", good)}, Automations: autos{a("x", at, good)}}, time.Time{}},
		"the slower of two": {flux.Cluster{Repositories: repos{g("x", "s", good)},
			Automations: autos{a("x", at.Add(time.Hour), good), a("x", at, good)}}, at},
		"one complains": {flux.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", at, good), a("x", at, bad)}},
			time.Time{}},
		"its source does":     {flux.Cluster{Repositories: repos{g("x", "s", bad)}, Automations: autos{a("x", at, good)}}, time.Time{}},
		"never ran":           {flux.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", time.Time{}, good)}}, time.Time{}},
		"suspended is no use": {flux.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{suspended, a("x", at, good)}}, at},
		"no conditions yet":   {flux.Cluster{Repositories: repos{g("x", "s", nil)}, Automations: autos{a("x", at, good)}}, time.Time{}},
	} {
		c.cluster.Namespace = "f"
		got, interval := flux.Worked(c.cluster, "s")
		if !got.Equal(c.want) || !got.IsZero() && interval != time.Minute {
			t.Errorf("%s: %v, %v, want %v", name, got, interval, c.want)
		}
	}
}
