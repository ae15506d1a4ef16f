package gate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// TestOrders: each update names the ImagePolicy and the order that its new version was held against.
func TestOrders(t *testing.T) {
	const update = `
-- base/web.yaml --
image: ghcr.io/lake/web:3.7.1 # {"$imagepolicy": "lake:web"}
-- head/web.yaml --
image: ghcr.io/lake/web:3.8.0 # {"$imagepolicy": "lake:web"}
`
	const object = `
-- base/policies/web.yaml --
# Of the lake.
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: web, namespace: lake}
spec: {imageRepositoryRef: {name: web}, policy: {semver: {range: RANGE}}}
`
	const stated = `
-- policy.yaml --
version: 1
images:
- policy: lake:web
  reason: it lives elsewhere
  order: {filterTags: {pattern: '^(?P<v>.*)$', extract: $v}, policy: {alphabetical: {order: asc}}}
`
	ranged := func(is string) string { return strings.Replace(object, "RANGE", is, 1) }
	entry := gate.Order{File: policy.File, Line: 3, Order: `alphabetical "asc" of tags like "^(?P<v>.*)$" by "$v"`}
	for name, c := range map[string]struct {
		archive string
		want    []gate.Order
	}{
		"of the object": {update + ranged("3.x"), []gate.Order{{"lake/web", "policies/web.yaml", 2, `semver "3.x"`}}},
		"not known here": {update + ranged(`"${RANGE}"`),
			[]gate.Order{{"lake/web", "policies/web.yaml", 2, "not known here"}}},
		"of an entry":  {update + stated, []gate.Order{entry}},
		"of both":      {update + ranged("3.x") + stated, []gate.Order{{"lake/web", "policies/web.yaml", 2, `semver "3.x"`}, entry}},
		"of nothing":   {update, []gate.Order{}},
		"another name": {strings.Replace(update, "lake/web:3.7", "pond/web:3.7", 1) + stated, []gate.Order{entry}},
	} {
		t.Run(name, func(t *testing.T) {
			result := judge(t, txtar.Parse([]byte(c.archive)))
			if len(result.Updates) != 1 {
				t.Fatalf("%d updates", len(result.Updates))
			}
			if diff := cmp.Diff(c.want, result.Updates[0].Orders); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
