package fluxkeeper_test

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// TestWords: identifiers use the field's words. Each of these once stood for
// something that has a better known name, which is given.
func TestWords(t *testing.T) {
	instead := map[string]string{
		"mend": "fix", "mended": "recovered", "insist": "retry", "spoil": "report", "spoiled": "reported",
		"drill": "rotation", "drills": "rotations", "sight": "observation", "loners": "say which", "occasion": "reminder",
	}
	for _, p := range list(t) {
		for _, f := range parse(t, p.Dir, append(append(append([]string{}, p.GoFiles...), p.TestGoFiles...), p.XTestGoFiles...)) {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				if !ok {
					return true
				}
				for _, word := range words(id.Name) {
					if better, old := instead[word]; old {
						t.Errorf("%s: %s: the word is %s, not %s", f.at(id), id.Name, better, word)
					}
				}
				return true
			})
		}
	}
}

var word = regexp.MustCompile(`[A-Z]*[a-z0-9]*`)

// words are the parts of a name in camel case.
func words(name string) []string {
	var all []string
	for _, part := range word.FindAllString(strings.TrimFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }), -1) {
		if part != "" {
			all = append(all, strings.ToLower(part))
		}
	}
	return all
}
