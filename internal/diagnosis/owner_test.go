package diagnosis_test

import (
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/diagnosis"
)

func TestOwnerOf(t *testing.T) {
	type set = map[string]string
	for name, c := range map[string]struct {
		marks diagnosis.Marks
		want  string
	}{
		"nobody":            {diagnosis.Marks{}, ""},
		"kubectl":           {diagnosis.Marks{Managers: []string{"kubectl-client-side-apply", "kubectl-edit", "kubectl-create"}}, ""},
		"flux create":       {diagnosis.Marks{Managers: []string{"flux"}, Labels: set{"app.kubernetes.io/part-of": "flux"}}, ""},
		"ourselves":         {diagnosis.Marks{Managers: []string{"fluxkeeper"}}, ""},
		"External Secrets":  {diagnosis.Marks{Kinds: []string{"ExternalSecret"}}, "External Secrets"},
		"orphan of ESO":     {diagnosis.Marks{Labels: set{"reconcile.external-secrets.io/managed": "true"}}, "External Secrets"},
		"annotation of ESO": {diagnosis.Marks{Annotations: set{"reconcile.external-secrets.io/data-hash": "x"}}, "External Secrets"},
		"Pulumi's SSA":      {diagnosis.Marks{Managers: []string{"pulumi-kubernetes-1a2b3c4d"}}, "Pulumi"},
		"Pulumi's label":    {diagnosis.Marks{Labels: set{"app.kubernetes.io/managed-by": "pulumi"}}, "Pulumi"},
		"Pulumi and people": {diagnosis.Marks{Managers: []string{"kubectl-edit", "pulumi-resource-kubernetes"}}, "Pulumi"},
		"Flux":              {diagnosis.Marks{Labels: set{"kustomize.toolkit.fluxcd.io/name": "flux-system"}}, "Flux"},
		"Helm":              {diagnosis.Marks{Labels: set{"app.kubernetes.io/managed-by": "Helm"}}, "Helm"},
		"sealed":            {diagnosis.Marks{Kinds: []string{"SealedSecret"}}, "Sealed Secrets"},
		"somebody":          {diagnosis.Marks{Kinds: []string{"VaultStaticSecret"}}, "its VaultStaticSecret"},
	} {
		got, owned := diagnosis.OwnerOf(c.marks)
		if got.Name != c.want || owned != (c.want != "") || owned && got.Instead == "" {
			t.Errorf("%s: %+v, %v; want %q", name, got, owned, c.want)
		}
	}
}

func TestWorked(t *testing.T) {
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	good := []diagnosis.Condition{{Type: "Ready", Status: "True"}}
	bad := []diagnosis.Condition{{Type: "Ready", Status: "False"}}
	g := func(name, secret string, c []diagnosis.Condition) diagnosis.GitRepository {
		return diagnosis.GitRepository{Namespace: "f", Name: name, Secret: secret, Conditions: c}
	}
	a := func(source string, last time.Time, c []diagnosis.Condition) diagnosis.Automation {
		return diagnosis.Automation{Namespace: "f", Name: "a" + source, Source: source, LastRun: last, Conditions: c}
	}
	type repos = []diagnosis.GitRepository
	type autos = []diagnosis.Automation
	suspended := a("x", time.Time{}, bad)
	suspended.Suspended = true
	for name, c := range map[string]struct {
		cluster diagnosis.Cluster
		want    time.Time
	}{
		"nothing":             {diagnosis.Cluster{}, time.Time{}},
		"one":                 {diagnosis.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", at, good)}}, at},
		"another's Secret":    {diagnosis.Cluster{Repositories: repos{g("x", "t", good)}, Automations: autos{a("x", at, good)}}, time.Time{}},
		"the slower of two":   {diagnosis.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", at.Add(time.Hour), good), a("x", at, good)}}, at},
		"one complains":       {diagnosis.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", at, good), a("x", at, bad)}}, time.Time{}},
		"its source does":     {diagnosis.Cluster{Repositories: repos{g("x", "s", bad)}, Automations: autos{a("x", at, good)}}, time.Time{}},
		"never ran":           {diagnosis.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", time.Time{}, good)}}, time.Time{}},
		"suspended is no use": {diagnosis.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{suspended, a("x", at, good)}}, at},
		"no conditions yet":   {diagnosis.Cluster{Repositories: repos{g("x", "s", nil)}, Automations: autos{a("x", at, good)}}, time.Time{}},
	} {
		c.cluster.Namespace = "f"
		if got := diagnosis.Worked(c.cluster, "s"); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
