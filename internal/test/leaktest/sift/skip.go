package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// skips are the tests that were skipped: by reason and package, their names.
type skips map[string]map[string][]string

// logged is the first line of what a test logs. The last that a skipped test logs
// is its reason.
var logged = regexp.MustCompile(`(?m)^ {4}[^\s:]+\.go:\d+: (.+)$`)

func (s skips) add(pkg, test, printed string) {
	reason := "no reason given"
	if all := logged.FindAllStringSubmatch(leaktest.Redact(printed), -1); all != nil {
		reason = all[len(all)-1][1]
	}
	if s[reason] == nil {
		s[reason] = map[string][]string{}
	}
	s[reason][pkg] = append(s[reason][pkg], test)
}

// wanting counts the tests whose reason names something.
func (s skips) wanting(what string) (n int) {
	for reason, packages := range s {
		if strings.Contains(reason, what) {
			n += count(packages)
		}
	}
	return n
}

func count(packages map[string][]string) (n int) {
	for _, tests := range packages {
		n += len(tests)
	}
	return n
}

// tell says why tests were skipped, and which. Of parts of a test it names the
// whole one.
func (s skips) tell(out io.Writer) {
	if len(s) == 0 {
		fmt.Fprintln(out, "no test was skipped")
		return
	}
	fmt.Fprintf(out, "skipped tests: %d\n", s.wanting(""))
	for _, reason := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(out, "%4d  %s\n", count(s[reason]), reason)
		for _, pkg := range slices.Sorted(maps.Keys(s[reason])) {
			var tests []string
			for _, test := range s[reason][pkg] {
				whole, _, _ := strings.Cut(test, "/")
				tests = append(tests, whole)
			}
			slices.Sort(tests)
			fmt.Fprintf(out, "      %s: %s\n", pkg, strings.Join(slices.Compact(tests), " "))
		}
	}
	fmt.Fprintln(out, "go test remembers these; with -count=1 it tries them again")
}
