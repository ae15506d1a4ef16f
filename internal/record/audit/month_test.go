package audit_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// month makes the deliveries of an organization's hook in a quiet month: 25 people and
// four bots work in twelve repositories, and Flux updates images in one of them.
type month struct {
	t        *testing.T
	chance   *rand.Rand
	now      time.Time
	heads    map[string]string // by repository and ref
	readings []audit.Reading
	numbers  int
}

type (
	values  = map[string]any
	account struct {
		Login string `json:"login"`
		ID    int    `json:"id"`
		Type  string `json:"type"`
	}
)

var (
	flux       = account{"acme-flux", 4242, "User"}
	renovate   = account{"renovate[bot]", 29139614, "Bot"}
	dependabot = account{"dependabot[bot]", 49699333, "Bot"}
	actions    = account{"github-actions[bot]", 41898282, "Bot"}

	repositories = strings.Fields("fleet payroll web api infra docs mobile data ml ops tools site")
)

const (
	deliveries = 20_000
	fluxBranch = "refs/heads/flux-image-updates"
)

// quietMonth is the same each time.
func quietMonth(t *testing.T) []audit.Reading {
	m := &month{t: t, chance: rand.New(rand.NewPCG(1, 2)), now: time.Date(2026, 10, 15, 0, 0, 0, 0, time.UTC), heads: map[string]string{}}
	for day := 0; len(m.readings) < deliveries; day++ {
		m.now = time.Date(2026, 10, 15+day%30, 6, 0, 0, 0, time.UTC)
		if day < 30 && m.now.Weekday() != time.Saturday && m.now.Weekday() != time.Sunday {
			m.update(day)
		}
		for range 60 {
			m.work()
		}
	}
	return m.readings
}

// template is the contract of the file that `policy init` writes, with the bot's account
// filled in where it asks for it.
func template(t *testing.T) audit.Contract {
	text := strings.NewReplacer("#login: example-flux", "login: acme-flux", "#id: 123456", "id: 4242").Replace(string(policy.Template()))
	p, err := policy.Parse(policy.File, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return contract(p)
}

func (m *month) repository(name string) values {
	return values{"id": 100 + slices.Index(repositories, name), "full_name": "acme/" + name, "default_branch": "main",
		"pushed_at": m.now.Unix()}
}

// send has GitHub tell of an event some seconds later.
func (m *month) send(event, action, repo string, who account, body values) {
	m.now = m.now.Add(time.Duration(1+m.chance.IntN(4)) * time.Second)
	all := values{"repository": m.repository(repo), "sender": who, "organization": values{"id": 500, "login": "acme"}}
	if action != "" {
		all["action"] = action
	}
	for k, v := range body {
		all[k] = v
	}
	raw, err := json.Marshal(all)
	if err != nil {
		m.t.Fatal(err)
	}
	r := record(int64(len(m.readings)), event, raw)
	r.Time, r.Target = m.now, "organization/500"
	m.readings = append(m.readings, audit.Read(r, raw))
}

func (m *month) commit() string {
	sum := sha256.Sum256(fmt.Append(nil, m.chance.Uint64()))
	return hex.EncodeToString(sum[:20])
}

// push moves a branch, and has its checks run.
func (m *month) push(repo, ref string, who account, path string, forced bool) string {
	key, after := repo+ref, m.commit()
	before := m.heads[key]
	if before == "" {
		before = noCommit
		m.send("create", "", repo, who, values{"ref": strings.TrimPrefix(ref, "refs/heads/"), "ref_type": "branch", "master_branch": "main",
			"pusher_type": "user"})
	}
	m.heads[key] = after
	m.send("push", "", repo, who, values{"ref": ref, "before": before, "after": after, "created": before == noCommit, "forced": forced,
		"pusher": values{"name": who.Login},
		"commits": []values{{"id": after, "distinct": true, "message": "Change", "modified": []string{path}, "author": signs(who),
			"committer": signs(who)}}})
	m.checks(repo, strings.TrimPrefix(ref, "refs/heads/"), after, who)
	return after
}

// signs is what an account writes into its commits.
func signs(who account) values {
	if who == flux {
		return values{"name": "fluxcdbot", "email": "fluxcdbot@users.noreply.github.com"}
	}
	return values{"name": who.Login, "email": who.Login + "@example.com"}
}

func (m *month) remove(repo, ref string, who account) {
	key := repo + ref
	m.send("push", "", repo, who, values{"ref": ref, "before": m.heads[key], "after": noCommit, "deleted": true,
		"pusher": values{"name": who.Login}, "commits": []values{}})
	m.send("delete", "", repo, who, values{"ref": strings.TrimPrefix(ref, "refs/heads/"), "ref_type": "branch", "pusher_type": "user"})
	delete(m.heads, key)
}

// checks are what GitHub begins because of a push.
func (m *month) checks(repo, branch, commit string, who account) {
	m.numbers++
	run := values{"id": m.numbers, "run_attempt": 1, "event": "push", "head_branch": branch, "head_sha": commit,
		"path": ".github/workflows/ci.yml", "actor": who, "triggering_actor": who}
	job := values{"id": m.numbers, "run_id": m.numbers, "head_branch": branch, "head_sha": commit, "labels": []string{"ubuntu-latest"}}
	app := values{"slug": "github-actions"}
	m.send("workflow_job", "queued", repo, who, values{"workflow_job": job}) // GitHub keeps no order
	m.send("workflow_run", "requested", repo, who, values{"workflow_run": run})
	m.send("check_run", "created", repo, who, values{"check_run": values{"name": "ci", "head_sha": commit, "app": app}})
	m.send("check_run", "completed", repo, who, values{"check_run": values{"name": "ci", "head_sha": commit, "app": app}})
	m.send("check_suite", "completed", repo, who, values{"check_suite": values{"head_branch": branch, "head_sha": commit, "app": app}})
	m.send("workflow_job", "completed", repo, who, values{"workflow_job": job})
	m.send("workflow_run", "completed", repo, who, values{"workflow_run": run})
}

// pull is something done to a pull request.
func (m *month) pull(repo, action string, number int, ref, commit string, who account, more values) {
	pr := values{"number": number, "updated_at": m.now, "head": values{"ref": strings.TrimPrefix(ref, "refs/heads/"), "sha": commit,
		"repo": m.repository(repo)}, "base": values{"ref": "main"}}
	event, body := "pull_request", values{"number": number, "pull_request": pr}
	for k, v := range more {
		switch k {
		case "merged", "merge_commit_sha":
			pr[k] = v
		case "review":
			event = "pull_request_review"
			body[k] = v
		default:
			body[k] = v
		}
	}
	m.send(event, action, repo, who, body)
}

func (m *month) person() account {
	n := m.chance.IntN(25)
	return account{fmt.Sprint("person-", n), 2000 + n, "User"}
}

// update is one of Flux's, from its push to its end.
func (m *month) update(day int) {
	m.numbers++
	number, person := 10_000+m.numbers, m.person()
	first := m.push("fleet", fluxBranch, flux, "clusters/prod/app.yaml", false)
	opener := []account{actions, flux}[day%2]
	m.pull("fleet", "opened", number, fluxBranch, first, opener, nil)
	m.pull("fleet", "review_requested", number, fluxBranch, first, opener, nil)
	m.pull("fleet", "labeled", number, fluxBranch, first, opener, values{"label": values{"name": "flux"}})
	gate := func(commit string) {
		m.send("check_run", "completed", "fleet", actions, values{"check_run": values{"name": "fluxkeeper", "head_sha": commit,
			"app": values{"slug": "github-actions"}}})
	}
	gate(first)
	m.pull("fleet", "submitted", number, fluxBranch, first, person, values{"review": values{"state": "approved", "commit_id": first}})
	last := m.push("fleet", fluxBranch, flux, "clusters/prod/api.yaml", day%5 == 0)
	m.pull("fleet", "synchronize", number, fluxBranch, last, flux, values{"before": first, "after": last})
	m.pull("fleet", "dismissed", number, fluxBranch, last, flux, values{"review": values{"state": "dismissed", "commit_id": first}})
	m.pull("fleet", "edited", number, fluxBranch, last, flux, values{"changes": values{"body": values{"from": "x"}}})
	m.send("issue_comment", "created", "fleet", flux, values{"issue": values{"number": number},
		"comment": values{"id": number, "body": "<!-- fluxkeeper:verdict:main -->\nPASS"}})
	gate(last)
	if day%7 == 0 {
		m.pull("fleet", "closed", number, fluxBranch, last, flux, nil)
		m.remove("fleet", fluxBranch, flux)
		return
	}
	m.pull("fleet", "submitted", number, fluxBranch, last, person, values{"review": values{"state": "approved", "commit_id": last}})
	merged := m.push("fleet", "refs/heads/main", person, "clusters/prod/app.yaml", false)
	m.pull("fleet", "closed", number, fluxBranch, last, person, values{"merged": true, "merge_commit_sha": merged})
	m.remove("fleet", fluxBranch, person)
	for _, context := range []string{"kustomization/apps/0a1b2c3d", "flux/reconcile"} {
		m.send("status", "", "fleet", flux, values{"sha": merged, "state": "success", "context": context, "updated_at": m.now})
	}
}

// work is something that somebody else does.
func (m *month) work() {
	repo, who := repositories[m.chance.IntN(len(repositories))], m.person()
	m.numbers++
	branch := fmt.Sprint("refs/heads/feature/", m.numbers%40)
	switch m.chance.IntN(12) {
	case 0, 1:
		m.push(repo, branch, who, []string{"main.go", ".github/workflows/ci.yml", "CODEOWNERS"}[m.chance.IntN(3)], m.numbers%9 == 0)
	case 2:
		m.push(repo, "refs/heads/main", who, "README.md", false)
	case 3:
		m.push(repo, "refs/heads/renovate/x", renovate, "go.mod", true)
	case 4:
		commit := m.push(repo, "refs/heads/dependabot/npm", dependabot, "package.json", false)
		m.pull(repo, "synchronize", m.numbers, "refs/heads/dependabot/npm", commit, dependabot, nil)
	case 5:
		for _, action := range []string{"labeled", "unlabeled", "labeled"} {
			m.pull(repo, action, m.numbers, branch, firstCommit, who, values{"label": values{"name": "hold"}})
		}
	case 6:
		m.send("issue_comment", "created", repo, who, values{"issue": values{"number": m.numbers},
			"comment": values{"id": m.numbers, "body": "/lgtm"}})
	case 7:
		m.pull(repo, "submitted", m.numbers, branch, firstCommit, who, values{"review": values{"state": "commented", "commit_id": firstCommit}})
	case 8:
		m.send("release", "published", repo, who, values{"release": values{"id": m.numbers, "tag_name": fmt.Sprint("v", m.numbers)}})
	case 9:
		m.send("deployment", "created", repo, actions, values{"deployment": values{"id": m.numbers, "ref": "main", "environment": "prod"}})
		m.send("star", "created", repo, who, values{"starred_at": m.now})
	case 10:
		if m.heads[repo+branch] != "" {
			m.remove(repo, branch, who)
		}
	case 11:
		m.pull(repo, "closed", m.numbers, branch, firstCommit, who, values{"merged": true, "merge_commit_sha": secondCommit})
	}
}
