package gate_test

import (
	"reflect"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// Two gates as people write them, to see what the real one is worth. Each
// tells whether it would let a change pass.
var naiveGates = []struct {
	name  string
	admit func(change.Facts) bool
}{
	{"an expression over diff lines", diffLines},
	{"decode and compare", decodeAndCompare},
}

var imageLine = regexp.MustCompile(`^\s*(- )?(image|tag|newTag|newName|repository|digest|version|name|value)?:? *"?[\w./:@-]*"? ` +
	`+#.*\$imagepolicy`)

// diffLines wants every changed line to look like an image with a marker.
func diffLines(f change.Facts) bool {
	for _, file := range f.Files {
		count := map[string]int{}
		for _, line := range strings.Split(string(file.Before.Data), "\n") {
			count[line]--
		}
		for _, line := range strings.Split(string(file.After.Data), "\n") {
			count[line]++
		}
		for line, n := range count {
			if n != 0 && !imageLine.MatchString(line) {
				return false
			}
		}
	}
	return true
}

// decodeAndCompare decodes both sides and wants them equal once what lies under
// the usual keys is taken out.
func decodeAndCompare(f change.Facts) bool {
	for _, file := range f.Files {
		var old, now any
		if yaml.Unmarshal(file.Before.Data, &old) != nil || yaml.Unmarshal(file.After.Data, &now) != nil {
			return false
		}
		if !reflect.DeepEqual(withoutImages(old), withoutImages(now)) {
			return false
		}
	}
	return true
}

func withoutImages(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range []string{"image", "tag", "newTag", "newName", "repository", "digest", "version", "value"} {
			delete(v, key)
		}
		for _, child := range v {
			withoutImages(child)
		}
	case []any:
		for _, child := range v {
			withoutImages(child)
		}
	}
	return v
}
