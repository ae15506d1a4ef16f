package kubetest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/kubetest"
)

// TestManifests has the API server check the manifests that people are meant to
// apply, with every unknown field refused.
func TestManifests(t *testing.T) {
	s := kubetest.Start(t)
	s.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: "+
		"fluxkeeper}\n")
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "examples", "kubernetes", "*.yaml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("manifests are %q: %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, complaint := range s.DryRun(t, string(text)) {
				t.Error(complaint)
			}
			for _, o := range kubetest.Objects(t, string(text)) {
				switch kind := o.GetKind(); {
				case o.GetNamespace() == "":
					t.Errorf("%s %s is of no namespace", kind, o.GetName())
				case strings.HasPrefix(kind, "ClusterRole"):
					t.Errorf("%s %s holds for the whole cluster", kind, o.GetName())
				}
			}
			broken := strings.Replace(string(text), "metadata:", "metadatum: {}\nmetadata:", 1)
			if complaints := s.DryRun(t, broken); len(complaints) == 0 {
				t.Error("an unknown field is not refused")
			}
		})
	}
}
