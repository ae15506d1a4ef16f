package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

func isGap(f finding.Finding) bool { return f.Rule == "delivery/ref-gap" }

// TestRefGap: a branch's pushes hang together, in whichever order they came in, or one
// of them never came.
func TestRefGap(t *testing.T) {
	commit := func(c byte) string { return strings.Repeat(string(c), 40) }
	// A step is two commits, at a time of its own.
	push := func(at int, ref, step string) string {
		return fmt.Sprintf(`push {"ref":%q,"before":%q,"after":%q,"created":%t,"deleted":%t,"pusher":{"name":"x"},"commits":[],`+
			`"repository":{"id":100,"full_name":"acme/fleet","pushed_at":%d},"sender":{"id":12,"login":"ann"}}`,
			ref, commit(step[0]), commit(step[1]), step[0] == '0', step[1] == '0', 1793520000+at)
	}
	for steps, want := range map[string]int{
		"ab bc cd": 0, "ab cd": 1, "ab bc de ef": 1, "bc ab cd": 0, "0a ab b0 0c cd": 0, "0a bc": 1, "ab ac": 1, "ab ba ac": 0, "ab ab bc": 0,
		"bc de ab cd": 0,
	} {
		var bodies, tags, elsewhere []string
		for i, step := range strings.Fields(steps) {
			at := int(step[0]) // the letters are in the order of time
			if strings.Contains(steps, "0") || strings.Contains(steps, "ba") {
				at = i
			}
			bodies = append(bodies, push(at, "refs/heads/main", step))
			tags = append(tags, push(at, "refs/tags/v1", step))
			elsewhere = append(elsewhere, push(at, "refs/heads/"+fmt.Sprint(i), step))
		}
		c := botContract()
		for name, n := range map[string]int{"a branch": want, "a tag": 0, "branches": 0} {
			readings := of(map[string][]string{"a branch": bodies, "a tag": tags, "branches": elsewhere}[name]...)
			got := slices.DeleteFunc(audit.Judge(readings, c).Findings, func(f finding.Finding) bool { return !isGap(f) })
			if found := len(got); found != n {
				t.Errorf("%s, %s: %d gaps, want %d: %v", steps, name, found, n, got)
			}
		}
		c.Repositories = []string{"acme/other"}
		if got := audit.Judge(of(bodies...), c).Findings; slices.ContainsFunc(got, isGap) {
			t.Errorf("%s elsewhere: %v", steps, got)
		}
	}
}

// TestOfNoRepository: what is the organization's is judged by what it is, whatever
// repositories the bot works in.
func TestOfNoRepository(t *testing.T) {
	c := template(t)
	c.Repositories = []string{"acme/fleet"}
	if got := rulesOf(audit.Judge(of(actsOf(t, "thief")["token-by-itself"]...), c)); !slices.Equal(got, []string{"0 token/requested"}) {
		t.Errorf("%q", got)
	}
}

// TestMergesOfTheContract: where the bot may merge, the push that comes of it is expected,
// and no other one.
func TestMergesOfTheContract(t *testing.T) {
	c := template(t)
	merge := `pull_request {"action":"closed","number":7,"pull_request":{"number":7,"merged":true,"merge_commit_sha":"` + secondCommit +
		`","head":{"ref":"flux-image-updates","repo":{"id":100}}},` + jsonFleet + `,` + jsonBot + `}`
	push := `push {"ref":"refs/heads/main","before":"1","after":"` + secondCommit + `","pusher":{"name":"x"},` +
		jsonFleet + `,` + jsonBot + `}`
	if got := rulesOf(audit.Judge(of(push, merge), c)); !slices.Equal(got, []string{"0 use/unexpected-branch", "1 use/merged"}) {
		t.Errorf("it may not merge: %q", got)
	}
	c.Events = append(c.Events, "pull_request.closed:merged")
	if got := rulesOf(audit.Judge(of(push, merge), c)); len(got) > 0 {
		t.Errorf("it may merge: %q", got)
	}
	other := strings.Replace(push, secondCommit, firstCommit, 1)
	if got := rulesOf(audit.Judge(of(other, merge), c)); !slices.Equal(got, []string{"0 use/unexpected-branch"}) {
		t.Errorf("another push: %q", got)
	}
}
