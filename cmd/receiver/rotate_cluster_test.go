package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cluster"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/kubetest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// TestRotationInACluster is the drill with a Secret, as the service account of
// examples/kubernetes/rotate.yaml: Flux is seen to work with the new token before
// the old one may be revoked.
func TestRotationInACluster(t *testing.T) {
	k := kubetest.Start(t) // skips where there is no server, so it comes before the scene
	s := newRotationScene(t)
	k.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n")
	k.InstallFlux(t)
	rights, err := os.ReadFile(filepath.Join("..", "..", "examples", "kubernetes", "rotate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	healthy, err := os.ReadFile(filepath.Join("..", "..", "internal", "cluster", "testdata", "healthy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	k.Apply(t, string(rights))
	k.Apply(t, strings.ReplaceAll(string(healthy), "ghp_e1", s.old))
	in := []string{"--cluster-secret", "flux-system/github-token", "--kubeconfig", k.As(t, "flux-system", "fluxkeeper-rotate")}
	with := func(args ...string) []string { return append(args, in...) }

	s.expect(t, 0, []string{"stored: secret flux-system/github-token password"}, s.fresh, with("start", "--repo", fleet)...)
	s.namesTheCluster(t, k, with("status"))
	s.expect(t, 0, []string{"unseen", "has the new token", "Flux last worked 2026-11-22", "the old one must live until then"}, "",
		with("status")...)
	s.expect(t, 2, []string{"nobody saw Flux work"}, s.old, with("finish", "--revoke")...)
	ran := func(interval string, at time.Time) {
		k.Apply(t, fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: fleet, namespace: flux-system}
spec:
  interval: %s
  sourceRef: {kind: GitRepository, name: fleet}
  git: {commit: {author: {name: a, email: a@example.com}}}
status:
  lastAutomationRunTime: %q
  conditions: [{type: Ready, status: "True", reason: Succeeded, message: repository up-to-date, lastTransitionTime: "2026-11-22T20:30:00Z"}]
`, interval, at.UTC().Format(time.RFC3339Nano)))
	}
	ran("1ms", time.Now().Add(time.Hour)) // some clock is wrong
	s.expect(t, 0, []string{"unseen", "the old one must live until then"}, "", with("status")...)
	ran("10m", time.Now()) // it may have begun with the old token
	s.expect(t, 0, []string{"unseen", "the old one must live until then"}, "", with("status")...)
	ran("1ms", time.Now())
	s.expect(t, 0, []string{": overlap", "[x]  in use"}, "", with("status")...)
	s.expect(t, 0, []string{"finished", "revoked"}, s.old, with("finish", "--revoke")...)

	k.Apply(t, `apiVersion: v1
kind: Secret
metadata: {name: github-token, namespace: flux-system, labels: {reconcile.external-secrets.io/managed: "true"}}
`)
	third := leaktest.Token("3rd")
	s.hub.AddToken(third, goodRotationGrant())
	s.expect(t, 0, []string{"left alone: secret flux-system/github-token password", "External Secrets manages", "force-sync"}, third,
		with("start", "--repo", fleet)...)
	s.expect(t, 0, []string{"unseen", "External Secrets brings it there", "still has the old token"}, "", with("status")...)
	s.elsewhere(t, in)
}

// namesTheCluster: the record has the cluster's identity, and where it may not be
// read any more that is said.
func (s *rotationScene) namesTheCluster(t *testing.T, k *kubetest.Server, status []string) {
	t.Helper()
	client, err := cluster.Connect(cluster.Options{Kubeconfig: k.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	id, err := client.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.expect(t, 0, []string{fmt.Sprintf(`"cluster": %q`, id)}, "", append(status, "--format", "json")...)
	role := `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: fluxkeeper-rotate, namespace: kube-system}
rules: [{apiGroups: [""], resources: [namespaces], resourceNames: [%s], verbs: [get]}]
`
	k.Apply(t, fmt.Sprintf(role, "none"))
	s.expect(t, 3, []string{"gap: tell which cluster this is: read namespace kube-system: no right to read it", "has the new token"}, "",
		status...)
	k.Apply(t, fmt.Sprintf(role, "kube-system"))
}

// elsewhere gives tokens that are on record for other clusters and repositories.
func (s *rotationScene) elsewhere(t *testing.T, in []string) {
	t.Helper()
	put := func(fingerprint, repo string, p rotation.Place) {
		t.Helper()
		r := rotation.Record{Step: rotation.Stored, Time: time.Now().Add(-time.Hour).UTC(), By: "ada", Server: s.hub.URL + "/",
			Repositories: []string{repo},
			New:          fingerprint, Expires: time.Now().AddDate(0, 0, 60), Places: []rotation.Place{p}}
		if err := putOnRecord(t.Context(), filepath.Join(s.dir, "ledger.db"), r); err != nil {
			t.Fatal(err)
		}
	}
	same := rotation.Place{Where: "secret flux-system/github-token password", Cluster: "another"}
	fourth := leaktest.Token("4th")
	s.hub.AddToken(fourth, goodRotationGrant())
	put(token.Fingerprint(secret.New(fourth)), fleet, same)
	s.expect(t, 1, []string{"error[storage/shared]: one token is used in 2 places", "in cluster another for acme/fleet", "nothing was stored"},
		fourth, append([]string{"start", "--repo", fleet}, in...)...)

	// What the Secret holds, which is still the second token.
	put(token.Fingerprint(secret.New(s.fresh)), "acme/app", rotation.Place{Where: "secret app/github-token password"})
	s.expect(t, 1, []string{"storage/shared", "Secret app/github-token in cluster (not known) for acme/app",
		"Secret flux-system/github-token"}, "", append([]string{"status", "--repo", fleet}, in...)...)
}
