package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// realPush and realPull are about as large as what GitHub sends for a push of
// three commits and for a pull request: most of it is addresses.
func realPush() string {
	return `{"ref":"refs/heads/flux-image-updates","before":"` + firstCommit + `","after":"` + secondCommit +
		`","created":false,"deleted":false,"forced":false,"base_ref":null,` +
		`"commits":[` + strings.TrimSuffix(strings.Repeat(realCommit+",", 3), ",") + `],"head_commit":` + realCommit +
		`,"pusher":{"name":"acme-flux","email":"x@example.com"},` +
		`"repository":` + realObject("fleet", 100) + `,"sender":` + realObject("acme-flux", 4242) + `}`
}

func realPull() string {
	side := `{"label":"acme:x","ref":"flux","sha":"` + secondCommit + `","user":` + realObject("u", 1) + `,"repo":` +
		realObject("fleet", 100) + `}`
	return `{"action":"opened","number":7,"pull_request":{"id":1,"number":7,"updated_at":"2026-11-01T08:00:00Z","body":"` +
		strings.Repeat("text ", 400) + `","user":` + realObject("u", 1) +
		`,"head":` + side + `,"base":` + side + `},"repository":` + realObject("fleet", 100) + `,"sender":` + realObject("acme-flux", 4242) + `}`
}

const realCommit = `{"id":"` + secondCommit + `","tree_id":"` + firstCommit +
	`","distinct":true,"message":"Update images\n\nghcr.io/acme/web:1.2.3","timestamp":"2026-11-01T08:00:00Z",` +
	`"url":"https://github.com/acme/fleet/commit/x","author":{"name":"fluxcdbot","email":"x@example.com"},"committer":{"name":"fluxcdbot",` +
	`"email":"x@example.com"},"added":[],"removed":[],"modified":["clusters/prod/web.yaml","clusters/prod/api.yaml"]}`

func realObject(name string, id int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":%d,"login":%q,"full_name":"acme/%s","type":"User","site_admin":false`, id, name, name)
	for i := range 45 {
		fmt.Fprintf(&b, `,"link_%d_url":"https://api.github.com/repos/acme/%s/things%d{/number}"`, i, name, i)
	}
	return b.String() + "}"
}

func BenchmarkRead(b *testing.B) {
	huge := 25<<20 - 1000
	for _, c := range []struct{ name, event, body string }{
		{"push", "push", realPush()},
		{"pull_request", "pull_request", realPull()},
		{"25MiB-text", "push", `{"ref":"` + strings.Repeat("x", huge) + `"}`},
		{"25MiB-list", "push", `{"x":[` + strings.Repeat("1,", huge/2) + `1]}`},
		{"25MiB-commits", "push", `{"commits":[` + strings.Repeat("{},", huge/3) + `".github"]}`},
		{"25MiB-keys", "push", `{` + strings.Repeat(`"sender":{},`, huge/12) + `"a":1}`},
		{"25MiB-depth", "push", strings.Repeat(`[`, huge)},
	} {
		body := []byte(c.body)
		r := record(0, c.event, body)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				audit.Read(r, body)
			}
		})
	}
}

func BenchmarkJudge(b *testing.B) {
	const n = 100_000
	readings := make([]audit.Reading, n)
	for i := range readings {
		body := jsonPush(4242-i%2, fmt.Sprintf("refs/heads/flux/%d", i%1000))
		body = strings.Replace(body, `"before":"1"`, fmt.Sprintf(`"before":"%d"`, i), 1)
		readings[i] = audit.Read(record(int64(i), "push", []byte(body)), []byte(body))
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := audit.Judge(readings, botContract()); len(got.Uses) != n/2 {
			b.Fatalf("%d uses", len(got.Uses))
		}
	}
}
