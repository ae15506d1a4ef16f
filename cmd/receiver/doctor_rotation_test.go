package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cluster"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// onRecord has doctor look at ledgers that know the cluster's token.
func (p patient) onRecord(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "fluxkeeper.yaml")
	if err := os.WriteFile(policy, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := cluster.Connect(cluster.Options{Kubeconfig: p.server.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	id, err := client.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stored := func(repo, cluster, name string, days int) rotation.Record {
		return rotation.Record{
			Step: rotation.Stored, Time: time.Now().Add(-time.Hour).UTC(), By: "ada", Server: "https://api.github.com/",
			Repositories: []string{repo},
			New:          token.Fingerprint(secret.New(p.token)),
			Expires:      time.Now().AddDate(0, 0, days), Places: []rotation.Place{{Where: "esc acme/flux/prod github.token"},
				{Where: "secret " + name + " password", Cluster: cluster}},
		}
	}
	const flux = "flux-system/github-token"
	for name, c := range map[string]struct {
		records []rotation.Record
		who     string
		status  int
		want    []string
	}{
		"this cluster's": {[]rotation.Record{stored(fleet, id, flux, 60)}, p.least, 0,
			[]string{"this is cluster " + id, "the token on record is"}},
		"of before clusters": {[]rotation.Record{stored(fleet, "", flux, 60)}, p.least, 0, []string{"this is cluster " + id}},
		"another's": {[]rotation.Record{stored(fleet, "another", flux, 60)}, p.least, 1,
			[]string{"error[storage/shared]: one token is used in 2 places", "in cluster another for acme/fleet", "in cluster " + id}},
		"another repository's": {[]rotation.Record{stored("acme/app", id, "app/github-token", 60)}, p.least, 1,
			[]string{"storage/shared", "Secret app/github-token in cluster " + id + " for acme/app"}},
		"another's, rotated since": {[]rotation.Record{stored(fleet, "another", flux, 60),
			{Step: rotation.Stored, Time: time.Now().UTC(), Server: "x", Repositories: []string{fleet}, New: "NEXT",
				Expires: time.Now().AddDate(0, 0, 60),
				Places:  []rotation.Place{{Where: "secret " + flux + " password", Cluster: "another"}}}}, p.least, 0,
			[]string{"the token on record is NEXT"}},
		"it ends soon": {[]rotation.Record{stored(fleet, id, flux, 5)}, p.least, 1,
			[]string{"error[token/expires-soon]: the token for acme/fleet expires in 4 days", "hint: make a new token"}},
		"nothing for the other one": {[]rotation.Record{stored("acme/app", id, flux, 5)}, p.least, 0,
			[]string{"no token of acme/fleet is on record"}},
		"who may not say": {[]rotation.Record{stored(fleet, id, flux, 60)}, p.server.As(t, "flux-system", "nobody"), 3,
			[]string{"tell which cluster this is: read namespace kube-system: no right to read it"}},
		"no rotation": {nil, p.least, 0, []string{"no rotation is on record"}},
	} {
		t.Run(name, func(t *testing.T) {
			ledger := filepath.Join(t.TempDir(), "ledger.db")
			if len(c.records) == 0 {
				startServe(t, scriptSecret, ledger)
			}
			for _, r := range c.records {
				if err := putOnRecord(t.Context(), ledger, r); err != nil {
					t.Fatal(err)
				}
			}
			status, out, trouble := p.ask(t, c.who, "--observe", ledger, "--policy", policy, "--offline")
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if status != c.status || c.status == 0 && strings.Contains(out, "storage/") {
				t.Errorf("status %d, want %d: %s\n%s", status, c.status, trouble, out)
			}
		})
	}
	status, out, _ := p.ask(t, p.least, "--observe", filepath.Join(t.TempDir(), "none.db"), "--policy", policy, "--offline")
	if status != 3 || !strings.Contains(out, "rotation") {
		t.Errorf("status %d without a ledger:\n%s", status, out)
	}
}
