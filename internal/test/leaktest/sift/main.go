package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

func main() {
	os.Exit(run(os.Stdin, os.Stdout, os.Stderr, os.Getenv(sharedtest.Variable) != ""))
}

// event is one of go test -json (go doc test2json). Of a build, it has an import
// path in the package's stead.
type event struct{ Action, Package, ImportPath, Test, Output string }

// run gives the exit status: 1 where a secret was found, or test data are missing
// that are required; 2 where that could not be told.
func run(in io.Reader, out, trouble io.Writer, required bool) int {
	s := sieve{out: out, trouble: trouble, kept: map[string]map[string]*strings.Builder{}, skipped: skips{}}
	for decoder := json.NewDecoder(in); ; {
		var e event
		err := decoder.Decode(&e)
		switch {
		case errors.Is(err, io.EOF) && s.events == 0:
			err = errors.New("nothing came")
		case errors.Is(err, io.EOF):
			for pkg := range s.kept {
				s.end(event{Action: "fail", Package: pkg}) // whose end never came
			}
			return s.status(required)
		}
		if err != nil {
			fmt.Fprintf(trouble, "read the output of go test -json: %v\n", err)
			return 2
		}
		s.take(e)
	}
}

// sieve holds what was printed by packages that have not ended.
type sieve struct {
	out, trouble         io.Writer
	kept                 map[string]map[string]*strings.Builder // by package and test; "" beside the tests
	skipped              skips
	events, lines, leaks int
}

func (s *sieve) take(e event) {
	s.events++
	if e.Package == "" {
		e.Package = e.ImportPath
	}
	tests := s.kept[e.Package]
	if tests == nil {
		tests = map[string]*strings.Builder{}
		s.kept[e.Package] = tests
	}
	if tests[e.Test] == nil {
		tests[e.Test] = &strings.Builder{}
	}
	tests[e.Test].WriteString(e.Output)
	switch e.Action {
	case "pass", "fail", "skip", "bench", "build-fail":
		s.end(e)
	}
}

// end looks through what the test, or the package with what is left of its tests,
// printed, and shows what a person wants to see of it.
func (s *sieve) end(e event) {
	tests, failed := s.kept[e.Package], strings.HasSuffix(e.Action, "fail")
	names := []string{e.Test}
	if e.Test == "" {
		names = slices.Sorted(maps.Keys(tests))
		slices.Reverse(names) // the package's own word is the last
		delete(s.kept, e.Package)
	}
	for _, name := range names {
		text := tests[name].String()
		delete(tests, name)
		if e.Action == "skip" && name != "" {
			s.skipped.add(e.Package, name, text)
		}
		s.lines += strings.Count(text, "\n")
		for _, l := range leaktest.Find([]byte(text)) {
			s.leaks++
			fmt.Fprintf(s.trouble, "LEAK\t%s %s: %s\n", e.Package, name, l)
		}
		for line := range strings.Lines(leaktest.Redact(text)) {
			if failed || name == "" && (strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "?   \t")) {
				fmt.Fprint(s.out, line)
			}
		}
	}
}

func (s *sieve) status(required bool) (status int) {
	if s.leaks == 0 {
		fmt.Fprintf(s.out, "no secret in the %d lines that the tests printed\n", s.lines)
	}
	s.skipped.tell(s.out)
	if s.leaks > 0 {
		fmt.Fprintf(s.trouble, "FAIL: the tests printed secrets in %d places\n", s.leaks)
		status = 1
	}
	if n := s.skipped.wanting(sharedtest.Folder); required && n > 0 {
		fmt.Fprintf(s.trouble, "FAIL: %d tests were skipped for want of %s, which %s requires\n", n, sharedtest.Folder, sharedtest.Variable)
		status = 1
	}
	return status
}
