package doctor_test

import (
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
)

func TestOwnerOf(t *testing.T) {
	type set = map[string]string
	for name, c := range map[string]struct {
		marks doctor.Marks
		want  string
	}{
		"nobody":            {doctor.Marks{}, ""},
		"kubectl":           {doctor.Marks{Managers: []string{"kubectl-client-side-apply", "kubectl-edit", "kubectl-create"}}, ""},
		"flux create":       {doctor.Marks{Managers: []string{"flux"}, Labels: set{"app.kubernetes.io/part-of": "flux"}}, ""},
		"ourselves":         {doctor.Marks{Managers: []string{"fluxkeeper"}}, ""},
		"External Secrets":  {doctor.Marks{Kinds: []string{"ExternalSecret"}}, "External Secrets"},
		"orphan of ESO":     {doctor.Marks{Labels: set{"reconcile.external-secrets.io/managed": "true"}}, "External Secrets"},
		"annotation of ESO": {doctor.Marks{Annotations: set{"reconcile.external-secrets.io/data-hash": "x"}}, "External Secrets"},
		"Pulumi's SSA":      {doctor.Marks{Managers: []string{"pulumi-kubernetes-1a2b3c4d"}}, "Pulumi"},
		"Pulumi's label":    {doctor.Marks{Labels: set{"app.kubernetes.io/managed-by": "pulumi"}}, "Pulumi"},
		"Pulumi and people": {doctor.Marks{Managers: []string{"kubectl-edit", "pulumi-resource-kubernetes"}}, "Pulumi"},
		"Flux":              {doctor.Marks{Labels: set{"kustomize.toolkit.fluxcd.io/name": "flux-system"}}, "Flux"},
		"Helm":              {doctor.Marks{Labels: set{"app.kubernetes.io/managed-by": "Helm"}}, "Helm"},
		"sealed":            {doctor.Marks{Kinds: []string{"SealedSecret"}}, "Sealed Secrets"},
		"somebody":          {doctor.Marks{Kinds: []string{"VaultStaticSecret"}}, "its VaultStaticSecret"},
	} {
		got, owned := doctor.OwnerOf(c.marks)
		if got.Name != c.want || owned != (c.want != "") || owned && got.Instead == "" {
			t.Errorf("%s: %+v, %v; want %q", name, got, owned, c.want)
		}
	}
}

func TestWorked(t *testing.T) {
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	good := []doctor.Condition{{Type: "Ready", Status: "True"}}
	bad := []doctor.Condition{{Type: "Ready", Status: "False"}}
	g := func(name, secret string, c []doctor.Condition) doctor.GitRepository {
		return doctor.GitRepository{Namespace: "f", Name: name, Secret: secret, Conditions: c}
	}
	a := func(source string, last time.Time, c []doctor.Condition) doctor.Automation {
		return doctor.Automation{Namespace: "f", Name: "a" + source, Source: source, LastRun: last, Conditions: c}
	}
	type repos = []doctor.GitRepository
	type autos = []doctor.Automation
	suspended := a("x", time.Time{}, bad)
	suspended.Suspended = true
	for name, c := range map[string]struct {
		cluster doctor.Cluster
		want    time.Time
	}{
		"nothing":             {doctor.Cluster{}, time.Time{}},
		"one":                 {doctor.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", at, good)}}, at},
		"another's Secret":    {doctor.Cluster{Repositories: repos{g("x", "t", good)}, Automations: autos{a("x", at, good)}}, time.Time{}},
		"the slower of two":   {doctor.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", at.Add(time.Hour), good), a("x", at, good)}}, at},
		"one complains":       {doctor.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", at, good), a("x", at, bad)}}, time.Time{}},
		"its source does":     {doctor.Cluster{Repositories: repos{g("x", "s", bad)}, Automations: autos{a("x", at, good)}}, time.Time{}},
		"never ran":           {doctor.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{a("x", time.Time{}, good)}}, time.Time{}},
		"suspended is no use": {doctor.Cluster{Repositories: repos{g("x", "s", good)}, Automations: autos{suspended, a("x", at, good)}}, at},
		"no conditions yet":   {doctor.Cluster{Repositories: repos{g("x", "s", nil)}, Automations: autos{a("x", at, good)}}, time.Time{}},
	} {
		c.cluster.Namespace = "f"
		if got := doctor.Worked(c.cluster, "s"); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
