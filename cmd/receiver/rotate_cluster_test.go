package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/kubetest"
	"github.com/goldfish-inc/fluxkeeper/internal/leaktest"
)

// TestRotationInACluster is the drill with a Secret, as the service account of
// examples/kubernetes/rotate.yaml: Flux is seen to work with the new token before
// the old one may be revoked.
func TestRotationInACluster(t *testing.T) {
	s := newDrillScene(t)
	k := kubetest.Start(t)
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
	k.Apply(t, strings.ReplaceAll(string(healthy), "example-1", s.old))
	in := []string{"--cluster-secret", "flux-system/github-token", "--kubeconfig", k.As(t, "flux-system", "fluxkeeper-rotate")}
	with := func(args ...string) []string { return append(args, in...) }

	s.expect(t, 0, []string{"stored: secret flux-system/github-token password"}, s.fresh, with("start", "--repo", fleet)...)
	s.expect(t, 0, []string{"unseen", "has the new token", "Flux last worked 2026-11-22", "the old one must live until then"}, "", with("status")...)
	s.expect(t, 2, []string{"nobody saw Flux work"}, s.old, with("finish", "--revoke")...)
	k.Apply(t, fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: fleet, namespace: flux-system}
spec:
  interval: 10m
  sourceRef: {kind: GitRepository, name: fleet}
  git: {commit: {author: {name: a, email: a@example.com}}}
status:
  lastAutomationRunTime: %q
  conditions: [{type: Ready, status: "True", reason: Succeeded, message: repository up-to-date, lastTransitionTime: "2026-11-22T20:30:00Z"}]
`, time.Now().Add(time.Minute).UTC().Format(time.RFC3339)))
	s.expect(t, 0, []string{": overlap", "[x] in use"}, "", with("status")...)
	s.expect(t, 0, []string{"finished", "revoked"}, s.old, with("finish", "--revoke")...)

	k.Apply(t, `apiVersion: v1
kind: Secret
metadata: {name: github-token, namespace: flux-system, labels: {reconcile.external-secrets.io/managed: "true"}}
`)
	third := leaktest.Token("3rd")
	s.hub.AddToken(third, goodDrillGrant())
	s.expect(t, 0, []string{"left alone: secret flux-system/github-token password", "External Secrets manages", "force-sync"}, third, with("start", "--repo", fleet)...)
	s.expect(t, 0, []string{"unseen", "External Secrets brings it there", "still has the old token"}, "", with("status")...)
}
