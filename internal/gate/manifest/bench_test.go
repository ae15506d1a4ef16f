package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// deployment is a file of the size that real ones have.
func deployment(markers int, tag string) []byte {
	var b strings.Builder
	b.WriteString("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\n  namespace: default\n  labels:\n    app: app\nspec:\n  " +
		"replicas: 2\n  selector:\n    matchLabels:\n      app: app\n  template:\n    metadata:\n      labels:\n        app: app\n    spec:\n " +
		"     containers:\n")
	for i := range markers {
		fmt.Fprintf(&b, "        - name: c%d\n          image: ghcr.io/acme/app%d:%s # {\"$imagepolicy\": \"flux-system:app%d\"}\n          "+
			"ports:\n            - containerPort: 8080\n          resources:\n            limits:\n              cpu: 500m\n              "+
			"memory: 128Mi\n", i, i, tag, i)
	}
	return []byte(b.String())
}

func BenchmarkCompare(b *testing.B) {
	base, head := deployment(3, "1.2.3"), deployment(3, "1.2.4")
	b.SetBytes(int64(len(base)))
	b.ReportAllocs()
	for b.Loop() {
		if c := Compare(base, head); c.Outcome != Reproduced {
			b.Fatal(c.Outcome)
		}
	}
}

func BenchmarkReproduce(b *testing.B) {
	base := deployment(3, "1.2.3")
	setters := map[string]string{"flux-system:app1": "ghcr.io/acme/app1:1.2.4"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := reproduce(base, setters, derived, false); err != nil {
			b.Fatal(err)
		}
	}
}
