package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// stream is what go test -json writes.
func stream(t *testing.T, events ...event) string {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(data, '\n'))
	}
	return b.String()
}

func TestRun(t *testing.T) {
	secret := leaktest.Token("sift")
	says := func(test, text string) event { return event{Action: "output", Package: "p", Test: test, Output: text} }
	ends := func(action, test string) event { return event{Action: action, Package: "p", Test: test} }
	ok := says("", "ok  \tp\t0.1s\n")
	for name, test := range map[string]struct {
		in           string
		status       int
		out, trouble []string
		notOut       bool
	}{
		"well": {in: stream(t, says("TestA", "=== RUN   TestA\n"), says("TestA", "    a_test.go:1: fine\n"), ends("pass", "TestA"),
			says("", "PASS\n"), ok, ends("pass", "")),
			out: []string{"ok  \tp\t0.1s\nno secret in the 4 lines that the tests printed\nno test was skipped\n"}, notOut: true},
		"a failing test": {in: stream(t, says("TestA", "=== RUN   TestA\n"), says("TestA", "--- FAIL: TestA (0.00s)\n"), ends("fail", "TestA"),
			says("", "FAIL\tp\t0.1s\n"), ends("fail", "")),
			out: []string{"--- FAIL: TestA", "FAIL\tp\t0.1s"}},
		"a package that does not build": {in: stream(t, event{Action: "build-output", ImportPath: "p", Output: "undefined: x\n"},
			event{Action: "build-fail", ImportPath: "p"}),
			out: []string{"undefined: x"}},
		"a log of a test that passes": {in: stream(t, says("TestA", "    a_test.go:1: got "+secret[:40]), says("TestA", secret[40:]+"\n"),
			ends("pass", "TestA"), ok, ends("pass", "")),
			status: 1, trouble: []string{"LEAK\tp TestA: line 1 holds a token of GitHub", "FAIL: "}},
		"beside the tests": {in: stream(t, says("", "{\"level\":\"info\"}\n"), says("", "stored "+leaktest.Secret+"\n"), ok, ends("pass", "")),
			status: 1, trouble: []string{"LEAK\tp : line 2 holds a secret of the tests"}},
		"a panic": {in: stream(t, says("TestA", "panic: "+secret+" [recovered]\n\ngoroutine 1 [running]:\n"), ends("fail", "TestA"),
			ends("fail", "")),
			status: 1, out: []string{"panic: *** [recovered]", "goroutine 1"}, trouble: []string{"LEAK\tp TestA: line 1"}},
		"a test that never ends": {in: stream(t, says("TestA", "=== RUN   TestA\n"), says("TestA", secret+"\n"), says("", "FAIL\tp\t600s\n"),
			ends("fail", "")),
			status: 1, out: []string{"=== RUN   TestA", "FAIL\tp\t600s"}, trouble: []string{"LEAK\tp TestA: line 2"}},
		"a package that never ends": {in: stream(t, says("TestA", secret+"\n")), status: 1, trouble: []string{"LEAK\tp TestA: line 1"}},
		"nothing":                   {status: 2, trouble: []string{"nothing came"}},
		"no JSON":                   {in: "ok p 0.1s\n", status: 2, trouble: []string{"read the output of go test -json"}},
	} {
		var out, trouble bytes.Buffer
		if status := run(strings.NewReader(test.in), &out, &trouble, false); status != test.status {
			t.Errorf("%s: status %d, want %d", name, status, test.status)
		}
		for _, want := range test.out {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, &out)
			}
		}
		for _, want := range test.trouble {
			if !strings.Contains(trouble.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, &trouble)
			}
		}
		if test.notOut && strings.Contains(out.String(), "fine") {
			t.Errorf("%s: what passes is shown:\n%s", name, &out)
		}
		if leaks := leaktest.Find([]byte(out.String() + trouble.String())); leaks != nil {
			t.Errorf("%s: the secret is shown: %v", name, leaks)
		}
	}
}

// TestSkipped: what was skipped stands at the end, once for each reason.
func TestSkipped(t *testing.T) {
	skip := func(pkg, test string, printed ...string) (all []event) {
		for _, text := range append(printed, "--- SKIP: "+test+" (0.00s)\n") {
			all = append(all, event{Action: "output", Package: pkg, Test: test, Output: text})
		}
		return append(all, event{Action: "skip", Package: pkg, Test: test})
	}
	const missing, tool = "    path.go:27: ../shared/corpus is missing: put a copy there\n", "    a_test.go:1: fish is missing: install it\n"
	events := slices.Concat(
		skip("m/b", "TestZ", "=== RUN   TestZ\n", missing),
		skip("m/a", "TestC/two", "    a_test.go:9: before\n", tool, "        more of it\n"),
		skip("m/a", "TestC/one", tool),
		skip("m/b", "TestA", "printed other.go:3: no reason\n", missing),
		skip("m/b", "TestMute"),
		[]event{{Action: "skip", Package: "m/empty"}}, // it has no tests
	)
	leak := skip("m/b", "TestTells", "    b_test.go:4: no "+leaktest.Token("skip")+"\n")
	const list = `skipped tests: 5
   2  ../shared/corpus is missing: put a copy there
      m/b: TestA TestZ
   2  fish is missing: install it
      m/a: TestC
   1  no reason given
      m/b: TestMute
go test remembers these; with -count=1 it tries them again
`
	for name, test := range map[string]struct {
		events   []event
		required bool
		status   int
		out      string
		trouble  string
	}{
		"some":                            {events, false, 0, "no secret in the 13 lines that the tests printed\n" + list, ""},
		"data that are required":          {events, true, 1, list, "FAIL: 2 tests were skipped for want of ../shared, "},
		"others, where data are required": {skip("m/a", "TestC", tool), true, 0, "skipped tests: 1\n   1  fish is missing: install it\n", ""},
		"a reason that holds a secret":    {leak, false, 1, "   1  no ***\n      m/b: TestTells\n", "LEAK\tm/b TestTells: line 1"},
	} {
		var out, trouble bytes.Buffer
		if status := run(strings.NewReader(stream(t, test.events...)), &out, &trouble, test.required); status != test.status {
			t.Errorf("%s: status %d, want %d", name, status, test.status)
		}
		told := strings.Contains(out.String(), test.out) && strings.Contains(trouble.String(), test.trouble)
		if !told || (trouble.Len() > 0) != (test.trouble != "") {
			t.Errorf("%s:\n%s%s", name, &out, leaktest.Redact(trouble.String()))
		}
	}
}
