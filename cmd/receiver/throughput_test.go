package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

const benchSecret = leaktest.Secret

var before = flag.String("before", "", "the receiver of another commit, which BenchmarkThroughput measures beside this one")

// peers are what others reach of a bare handler of their own run, measured once,
// elsewhere, as CPU-bound as here (push, pull request). Of these only the first
// keeps anything, in memory.
const peers = `others, of the bare handler in a run with them (push, pull request; cited, not measured in this run):
  0.78  0.37  palantir/go-githubapp, queue in memory
  0.72  0.60  google/go-github ValidatePayload behind echo, nothing stored
  0.39  0.28  Flux notification-controller's receiver, nothing stored
  0.26  0.18  @octokit/webhooks on Node 20, nothing stored
  0.25  0.11  adnanh/webhook, no command run
  0.12  0.06  gosmee server, no client`

// contender is a server that is measured, in a process of its own.
type contender struct {
	name   string
	url    string
	cpu    func() time.Duration   // used so far
	memory func() (now, peak int) // in MB
	runs   map[string][]measured
}

// measured is one run of wrk.
type measured struct {
	rate, p50, p99, cpu float64 // per second, ms, ms, µs of processor time per delivery
	bad                 int
}

// BenchmarkThroughput compares the receiver with the bare handler, in one run,
// on real payloads. Only ratios mean something: the machine's speed drifts.
func BenchmarkThroughput(b *testing.B) {
	if _, err := exec.LookPath("wrk"); err != nil {
		b.Skip("wrk is missing: install it")
	}
	payloads := examplePayloads(b)
	postgres := startPostgres(b) // skips where none is installed, so it comes before the others
	contenders := []*contender{startBaseline(b, bare), startBaseline(b, plain)}
	contenders = append(contenders, startReceiver(b, "sqlite", filepath.Join(b.TempDir(), "ledger.db")), postgres)
	if *before != "" {
		contenders = append(contenders, startBefore(b))
	}
	// First the calm: after the storm the kernel writes for half a minute what it
	// has put off, and everybody's syncs wait for it.
	calm := map[*contender]map[string]float64{}
	for _, c := range contenders {
		calm[c] = map[string]float64{}
		for _, payload := range payloads {
			calm[c][payload.event] = openLoop(b, c, payload)
		}
	}
	rounds := 1
	if b.N > 1 { // -benchtime 5x: five rounds
		rounds = b.N
	}
	for round := range rounds {
		for _, payload := range payloads {
			for i := range contenders {
				// Each comes after each, and finds the disk at rest: what one leaves to be
				// written is not to be paid for by the next.
				c := contenders[(i+round)%len(contenders)]
				syscall.Sync()
				c.runs[payload.event] = append(c.runs[payload.event], wrk(b, c, payload, round))
			}
		}
	}
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "payload\tserver\tper second\tof bare\tp50 ms\tp99 ms\tCPU µs\tCPU of bare\tp99 at 1,000/s\tbad\t")
	for _, payload := range payloads {
		ceiling := median(contenders[0].runs[payload.event])
		for _, c := range contenders {
			m := median(c.runs[payload.event])
			fmt.Fprintf(table, "%s\t%s\t%.0f\t%.2f\t%.1f\t%.1f\t%.0f\t%.2f\t%.1f\t%d\t\n", payload.event, c.name, m.rate, m.rate/ceiling.rate,
				m.p50, m.p99, m.cpu, m.cpu/ceiling.cpu, calm[c][payload.event], m.bad)
		}
	}
	if err := table.Flush(); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d rounds, medians\n%s\n%s", rounds, &text, peers)
	weigh(b, contenders)
}

// What a receiver may take of memory, in MB, after the storm and in it.
const restsAt, peaksAt = 64, 110

// weigh tells how much memory each took, and holds the receivers to their bounds.
func weigh(b *testing.B, all []*contender) {
	b.Helper()
	time.Sleep(10 * time.Second) // a bench waits for what the storm took to be given back
	for _, c := range all {
		now, peak := c.memory()
		b.Logf("%s: %d MB at rest, %d MB at most", c.name, now, peak)
		if (c.name == "sqlite" || c.name == "postgres") && (now > restsAt || peak > peaksAt) {
			b.Errorf("%s takes more memory than %d MB at rest, or %d MB under load", c.name, restsAt, peaksAt)
		}
	}
}

// wrk loads a server with 64 connections for three seconds.
func wrk(b *testing.B, c *contender, p payload, round int) measured {
	b.Helper()
	clock := int(time.Now().UnixNano() / 100 % (1 << 48))
	signatures := p.signed(b, benchSecret, clock)
	before := c.cpu()
	command := exec.Command("wrk", "-t2", "-c64", "-d3s", "-s", "testdata/deliver.lua", c.url)
	command.Env = append(os.Environ(), "BODY="+p.file, "EVENT="+p.event, "SIGNATURES="+signatures, fmt.Sprintf("CLOCK=%d", clock))
	out, err := command.CombinedOutput()
	_, result, ok := strings.Cut(string(out), "RESULT ")
	if err != nil || !ok {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	var requests, took, bad, p50, p99 int
	if _, err := fmt.Sscan(result, &requests, &took, &bad, &p50, &p99); err != nil {
		b.Fatal(err)
	}
	used := c.cpu() - before
	return measured{
		rate: float64(requests) / float64(took) * 1e6, p50: float64(p50) / 1e3, p99: float64(p99) / 1e3,
		cpu: float64(used.Microseconds()) / float64(requests), bad: bad,
	}
}

// median takes each figure's own.
func median(runs []measured) measured {
	of := func(figure func(measured) float64) float64 {
		all := make([]float64, len(runs))
		for i, m := range runs {
			all[i] = figure(m)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	m := measured{
		rate: of(func(m measured) float64 { return m.rate }), cpu: of(func(m measured) float64 { return m.cpu }),
		p50: of(func(m measured) float64 { return m.p50 }), p99: of(func(m measured) float64 { return m.p99 }),
	}
	for _, run := range runs {
		m.bad += run.bad
	}
	return m
}

// openLoop sends 1,000 deliveries a second for five seconds, whether or not
// answers come, and gives the 99th percentile of the time from when a delivery
// should have been sent to its answer, in ms.
func openLoop(b *testing.B, c *contender, p payload) float64 {
	b.Helper()
	const rate, count, senders = 1000, 5000, 64
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	begin := time.Now().Add(50 * time.Millisecond)
	run := strconv.FormatInt(begin.UnixNano(), 16)
	var (
		took  [count]time.Duration
		group sync.WaitGroup
	)
	for s := range senders {
		group.Go(func() {
			for i := s; i < count; i += senders {
				due := begin.Add(time.Duration(i) * time.Second / rate)
				time.Sleep(time.Until(due))
				status, err := send(client, c.url, benchSecret, p.numbered(int(begin.Unix())*count+i), fmt.Sprintf("%s-%d", run, i))
				if err != nil || status != http.StatusAccepted {
					b.Errorf("%s: %d, %v", c.name, status, err)
					return
				}
				took[i] = time.Since(due)
			}
		})
	}
	group.Wait()
	slices.Sort(took[:])
	return float64(took[count*99/100].Microseconds()) / 1e3
}

func send(client *http.Client, url, secret string, p payload, guid string) (int, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/webhooks/github", bytes.NewReader(p.body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", p.event)
	r.Header.Set("X-GitHub-Delivery", guid)
	r.Header.Set("X-GitHub-Hook-ID", "4711")
	r.Header.Set("X-GitHub-Hook-Installation-Target-Type", "repository")
	r.Header.Set("X-GitHub-Hook-Installation-Target-ID", "1296269")
	r.Header.Set("X-Hub-Signature-256", sign(secret, p.body))
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, cmp.Or(err, answer.Body.Close())
}

func sign(secret string, body []byte) string {
	signer := hmac.New(sha256.New, []byte(secret))
	_, _ = signer.Write(body)
	return "sha256=" + hex.EncodeToString(signer.Sum(nil))
}
