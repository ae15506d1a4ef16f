package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// turns is how often both programs run for one figure.
const turns = 11

// checkName is the check run's name in the recorded run. Each later run has a
// name of its own, so that all of them find nothing published yet.
const checkName = "speed-first"

// BenchmarkAction runs the built program as a step of a workflow, from process
// start to the verdict, in turns with a bare program that sends only the longest
// chain of requests that depend on each other. The aim is 1.3 times the bare
// program with 40 ms for each request. round-trips is what fakehub.Depth tells
// of the step; above bare-round-trips, requests wait for others without need.
func BenchmarkAction(b *testing.B) {
	dir := b.TempDir()
	program, bare := filepath.Join(dir, "fluxkeeper"), filepath.Join(dir, "bare")
	build(b, ".", program, ".")
	build(b, ".", bare, "./testdata/bare")
	// Only the comparison tells the merge base, only its tree which files to
	// read, and only their judgement ends before the head is read again.
	read := []link{{"pulls/get", 0}, {"repos/compare-commits-with-basehead", 0}, {"git/get-tree", -1}, {"graphql", 1}, {"graphql", 2}}
	for _, story := range []struct {
		publish string
		chain   []link
	}{
		{"none", read},
		// The check run is made, and looked for once more: another run may have
		// made the same.
		{"auto", append(slices.Clone(read), link{"checks/create", 0}, link{"checks/list-for-ref", -1})},
	} {
		for _, latency := range []time.Duration{0, 40 * time.Millisecond} {
			b.Run(fmt.Sprintf("publish=%s/latency=%s", story.publish, latency), func(b *testing.B) {
				compareWithChain(b, program, bare, story.publish, story.chain, latency)
			})
		}
	}
}

// link is a request of a chain: the first to an operation, or, where nth is
// negative, the last.
type link struct {
	operation string
	nth       int
}

func compareWithChain(b *testing.B, program, bare, publish string, chain []link, latency time.Duration) {
	s := storytest.New(b, "../..", fakehub.Options{Unchecked: true})
	event := s.PullEvent("pull_request_target", s.Open())
	files, err := storytest.NewFiles(b.TempDir(), event)
	must(b, err)
	step := func(name string) usage {
		cmd := exec.Command(program, "action")
		cmd.Dir = filepath.Join(files.Dir(), "workspace")
		inputs := map[string]string{"publish": publish, "check-name": name}
		for name, value := range s.Env(event, inputs, func(name string) string { return filepath.Join(files.Dir(), name) }) {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		return measure(b, cmd)
	}
	s.SetLatency(max(latency, 40*time.Millisecond)) // below, Depth is not exact
	s.ResetLog()
	step(checkName)
	depth := s.Depth()
	recorded := requests(b, s, chain)
	s.SetLatency(latency)

	list := filepath.Join(b.TempDir(), "chain.json")
	var ours, theirs []usage
	for b.Loop() {
		for range turns {
			turn := len(ours)
			must(b, os.WriteFile(list, []byte(strings.ReplaceAll(recorded, checkName, fmt.Sprintf("bare-%d", turn))), 0o644))
			theirs = append(theirs, measure(b, exec.Command(bare, list)))
			ours = append(ours, step(fmt.Sprintf("speed-%d", turn)))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ours, wall), "wall-ms")
	b.ReportMetric(median(ours, cpu), "cpu-ms")
	b.ReportMetric(median(theirs, wall), "bare-ms")
	b.ReportMetric(median(ours, wall)/median(theirs, wall), "times-bare")
	b.ReportMetric(float64(depth), "round-trips")
	b.ReportMetric(float64(len(chain)), "bare-round-trips")
}

// requests gives those of a chain as the bare program reads them.
func requests(b *testing.B, s *storytest.Scene, chain []link) string {
	b.Helper()
	type request struct{ Method, URL, Body, Token string }
	all := s.Requests()
	var out []request
	for _, l := range chain {
		var found []fakehub.Request
		for _, r := range all {
			if r.Operation == l.operation {
				found = append(found, r)
			}
		}
		if len(found) == 0 {
			b.Fatalf("the step sent no request to %s", l.operation)
		}
		r := found[0]
		if l.nth < 0 {
			r = found[len(found)-1]
		}
		one := request{Method: r.Method, URL: strings.TrimSuffix(s.URL+r.Path+"?"+r.Query, "?"), Token: fakehub.Token}
		if r.Body != nil {
			body, err := json.Marshal(r.Body)
			must(b, err)
			one.Body = string(body)
		}
		out = append(out, one)
	}
	data, err := json.Marshal(out)
	must(b, err)
	return string(data)
}
