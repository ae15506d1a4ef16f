package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// startBaseline runs one of the baselines.
func startBaseline(b *testing.B, name string) *contender {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), baselineVariable+"="+name, "TMPDIR="+b.TempDir())
	p, err := launch(b, command, b.Logf)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.stop(syscall.SIGKILL) })
	return &contender{name, p.url, p.cpu, p.memory, map[string][]measured{}}
}

// startReceiver runs the program on a ledger.
func startReceiver(b *testing.B, name, ledger string) *contender {
	b.Helper()
	p := startServe(b, benchSecret, ledger)
	return &contender{name, p.url, p.cpu, p.memory, map[string][]measured{}}
}

// startBefore runs the receiver of another commit, which -before names.
func startBefore(b *testing.B) *contender {
	b.Helper()
	p := serveBy(b, *before, benchSecret, filepath.Join(b.TempDir(), "ledger.db"))
	return &contender{"sqlite before", p.url, p.cpu, p.memory, map[string][]measured{}}
}

// cpu is the processor time that the process has used. The kernel counts in
// hundredths of a second.
func (p *process) cpu() time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.command.Process.Pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name, in parentheses, may hold blanks. utime and stime are the fields
	// 14 and 15 (proc_pid_stat(5)).
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, _ := strconv.Atoi(field)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// memory is how much the process has in memory, and the most it ever had, in MB.
func (p *process) memory() (now, peak int) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.command.Process.Pid) + "/status")
	if err != nil {
		return 0, 0
	}
	of := func(name string) (kilobytes int) {
		_, after, _ := strings.Cut(string(status), name+":")
		_, _ = fmt.Sscan(after, &kilobytes)
		return kilobytes >> 10
	}
	return of("VmRSS"), of("VmHWM")
}

// payload is one of GitHub's own examples.
type payload struct {
	event, file string // without the last brace
	body        []byte
}

// numbered ends a body with a number: equal ones are not taken for long.
func (p payload) numbered(n int) payload {
	p.body = fmt.Appendf(bytes.Clone(p.body[:len(p.body)-1]), numberAndBrace, n)
	return p
}

const numberAndBrace = `,"n":%d}`

// signed writes the signatures of numbered bodies to a file, for more than a run can send.
func (p payload) signed(b *testing.B, secret string, first int) (file string) {
	b.Helper()
	start := hmac.New(sha256.New, []byte(secret))
	_, _ = start.Write(p.body[:len(p.body)-1])
	var all []byte
	for n := range 1 << 17 {
		own, err := start.(hash.Cloner).Clone()
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(own, numberAndBrace, first+n)
		all = hex.AppendEncode(all, own.Sum(nil))
	}
	if err := os.WriteFile(p.file+".signatures", all, 0o600); err != nil {
		b.Fatal(err)
	}
	return p.file + ".signatures"
}

// examplePayloads takes the push of 8 KB and the pull request of 24 KB out of
// the examples that the intake's tests install.
func examplePayloads(b *testing.B) []payload {
	b.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		b.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(cache, "fluxkeeper", "*", "node_modules", "@octokit", "webhooks-examples", "api.github.com",
		"index.json"))
	if err != nil || len(found) == 0 {
		b.Skip("GitHub's examples are missing: go test ./internal/record/intake fetches them, by npm")
	}
	text, err := os.ReadFile(found[len(found)-1])
	if err != nil {
		b.Fatal(err)
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(text, &events); err != nil {
		b.Fatal(err)
	}
	var payloads []payload
	for _, want := range []struct {
		event string
		size  int
	}{{"push", 7_678}, {"pull_request", 23_741}} {
		p := payload{event: want.event, file: filepath.Join(b.TempDir(), want.event)}
		for _, event := range events {
			for _, pretty := range event.Examples {
				var compact bytes.Buffer
				if err := json.Compact(&compact, pretty); err != nil {
					b.Fatal(err)
				}
				example := compact.Bytes()
				if event.Name == want.event && distance(len(example), want.size) < distance(len(p.body), want.size) {
					p.body = example
				}
			}
		}
		if err := os.WriteFile(p.file, p.body[:len(p.body)-1], 0o600); err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: %d bytes", p.event, len(p.body))
		payloads = append(payloads, p)
	}
	return payloads
}

func distance(a, b int) int { return max(a-b, b-a) }

// startPostgres runs the program on a PostgreSQL of its own, whose processor
// time counts too.
func startPostgres(b *testing.B) *contender {
	b.Helper()
	server := postgrestest.Start(b)
	c := startReceiver(b, "postgres", server.Create(b, "bench"))
	own := c.cpu
	c.cpu = func() time.Duration { return own() + server.CPU(b) }
	return c
}
