package flux

import (
	"cmp"
	"slices"
	"strings"
)

// Causes lists every cause that Recognise knows, by rule and name, without
// evidence. One that several signs tell of is listed once.
func Causes() []Cause {
	var all []Cause
	for _, s := range signs() {
		if !slices.ContainsFunc(all, func(c Cause) bool { return c.Name == s.Name }) {
			all = append(all, s.Cause)
		}
	}
	slices.SortFunc(all, func(a, b Cause) int { return cmp.Or(strings.Compare(a.Rule, b.Rule), strings.Compare(a.Name, b.Name)) })
	return all
}
