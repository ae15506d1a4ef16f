package main

import (
	"fmt"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// The branches that the policy takes updates from, and one that it does not.
const (
	fluxBranch  = "flux-image-updates"
	otherBranch = "flux-two"
	annsBranch  = "anns"
	// wildBase is a base that nobody guards.
	wildBase = "wild"
)

// worldFiles are a small repository; majors may pass where the policy says so.
func worldFiles(majors bool) map[string]string {
	files := map[string]string{"notes.txt": "0\n", policy.File: policyText(majors)}
	for _, app := range []string{"app", "web"} {
		files["apps/"+app+".yaml"] = manifestText(app, "1.0.0", 1)
		files["flux/"+app+".yaml"] = fmt.Sprintf("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata:\n  name: %s\n"+
			"  namespace: flux-system\nspec:\n  imageRepositoryRef:\n    name: %s\n  policy:\n    semver:\n      range: '>=1.0.0'\n", app, app)
	}
	return files
}

func policyText(majors bool) string {
	text := "version: 1\nbranches: {head: [flux-image-updates, flux-two], base: [main, dev]}\nallow: [patch, minor]\n"
	if majors {
		return strings.Replace(text, "minor]", "minor, major]", 1)
	}
	return text
}

func manifestText(app, version string, replicas int) string {
	return fmt.Sprintf("kind: Deployment\nmetadata:\n  name: %s\nspec:\n"+
		"  image: registry.example.org/%s:%s # {\"$imagepolicy\": \"flux-system:%s\"}\n"+
		"  between: x\n  replicas: %d\n", app, app, version, app, replicas)
}

// modelAct is something that can happen on GitHub; false where it could not.
type modelAct struct {
	name string
	do   func(*model) bool
}

func acts() []modelAct {
	return []modelAct{
		{"open", (*model).open}, {"open", (*model).open},
		{"second pull request of a commit", (*model).second},
		{"fork", (*model).fork},
		{"stack", (*model).stack},
		{"push", (*model).pushHead}, {"forced push", (*model).forceHead},
		{"retarget", (*model).retarget}, {"retarget", (*model).retarget},
		{"edit", (*model).edit}, {"close", (*model).close}, {"reopen", (*model).reopened},
		{"re-run", (*model).rerun}, {"re-run", (*model).rerun},
		{"base moved", (*model).moveBase}, {"base moved", (*model).moveBase},
		{"base deleted", (*model).deleteBase},
	}
}

func (m *model) pick(from ...string) string { return from[m.IntN(len(from))] }

func (m *model) base() string {
	return m.pick(memDefault, memDefault, memDefault, "dev", "dev", wildBase)
}

// someone gives a pull request, nil where there is none.
func (m *model) someone(pass func(*memPull) bool) *memPull {
	var all []*memPull
	for _, p := range m.pulls {
		if pass(p) {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[m.IntN(len(all))]
}

// guarded tells whether a base is one that the policy on the default branch names.
func guarded(base string) bool { return base == memDefault || base == "dev" }

func isOpen(p *memPull) bool { return p.open }

// update commits what Flux, or somebody in its name, would upon a commit.
func (m *model) update(upon string) string {
	files, by := m.filesOf(upon), fluxAuthor
	app := m.pick("app", "web")
	text, replicas := files["apps/"+app+".yaml"], 1
	if strings.Contains(text, "replicas: 2") {
		replicas = 2
	}
	switch m.IntN(8) {
	case 0:
		replicas += 7 // smuggled
	case 1:
		by = annAuthor
	}
	files["apps/"+app+".yaml"] = manifestText(app, m.pick("1.0.1", "1.1.0", "1.1.0", "2.0.0"), replicas)
	return m.commit(by, files, upon)
}

func (m *model) open() bool {
	branch, base := m.pick(fluxBranch, fluxBranch, otherBranch, annsBranch), m.base()
	if m.branches[base] == "" {
		return false
	}
	if m.branches[branch] == "" {
		m.Push(branch, m.update(m.branches[base]))
	}
	m.say("open %s → %s", branch, base)
	return m.Open(branch, base, m.branches[branch], false)
}

// second opens another pull request for a commit that one has, to any base.
func (m *model) second() bool {
	p, branch := m.someone(isOpen), m.pick(otherBranch, annsBranch, fluxBranch)
	if p == nil {
		return false
	}
	if m.branches[branch] != p.head {
		if m.branches[branch] != "" {
			branch = p.branch // the same branch, to another base
		} else {
			m.Push(branch, p.head)
		}
	}
	base := m.base()
	m.say("second of #%d: %s → %s", p.number, branch, base)
	return m.branches[branch] != "" && m.Open(branch, base, m.branches[branch], false)
}

// stack opens a pull request to the branch of another, upon its head. Whoever may push
// to that branch moves the base, and a merge of the one below takes it away.
func (m *model) stack() bool {
	p, branch := m.someone(func(p *memPull) bool { return p.open && !p.fork }), m.pick(otherBranch, annsBranch, fluxBranch)
	if p == nil || branch == p.branch {
		return false
	}
	if m.branches[branch] == "" || m.IntN(2) == 0 {
		m.Push(branch, m.update(p.head))
	}
	m.say("stack %s → %s of #%d", branch, p.branch, p.number)
	return m.Open(branch, p.branch, m.branches[branch], false)
}

// fork proposes, from outside, a commit of ours or one of its own.
func (m *model) fork() bool {
	base := m.base()
	if m.branches[base] == "" {
		return false
	}
	head := ""
	if p := m.someone(isOpen); p != nil && m.IntN(4) > 0 {
		head = p.head
	} else {
		head = m.update(m.branches[base])
	}
	m.say("fork → %s at %.8s", base, head)
	return m.Open(m.pick(fluxBranch, otherBranch, annsBranch), base, head, true)
}

func (m *model) pushHead() bool { return m.moveHead(false) }

func (m *model) forceHead() bool { return m.moveHead(true) }

// moveHead pushes to the branch of a pull request: upon its head, or upon the base.
func (m *model) moveHead(force bool) bool {
	p := m.someone(isOpen)
	if p == nil {
		return false
	}
	upon := p.head
	if force {
		upon = m.branches[p.base]
	}
	sha := m.update(upon)
	m.say("push to #%d, forced %v", p.number, force)
	if p.fork {
		m.synchronize(p, sha)
	} else {
		m.Push(p.branch, sha)
	}
	return true
}

func (m *model) retarget() bool {
	p, base := m.someone(isOpen), m.base()
	if p == nil || p.base == base {
		return false
	}
	m.say("retarget #%d → %s", p.number, base)
	m.Retarget(p, base)
	return p.base == base
}

func (m *model) edit() bool {
	p := m.someone(isOpen)
	if p != nil {
		m.say("edit #%d", p.number)
		m.Edit(p)
	}
	return p != nil
}

func (m *model) close() bool {
	p := m.someone(isOpen)
	if p != nil {
		m.say("close #%d", p.number)
		m.Close(p)
	}
	return p != nil
}

func (m *model) reopened() bool {
	p := m.someone(func(p *memPull) bool { return !p.open && !p.merged })
	if p == nil {
		return false
	}
	head := m.branches[p.branch]
	if p.fork {
		head = p.head
	}
	m.say("reopen #%d", p.number)
	m.Reopen(p, head)
	return p.open
}

// rerun starts a run again, with the event that it had.
func (m *model) rerun() bool {
	if len(m.events) == 0 {
		return false
	}
	m.queue = append(m.queue, m.events[m.IntN(len(m.events))])
	return true
}

// moveBase pushes to a base: something else, a place that Flux sets, what stands
// beside one, or another policy. A deleted base comes back.
func (m *model) moveBase() bool {
	base := m.base()
	tip := m.branches[base]
	if tip == "" {
		m.say("%s is back", base)
		m.Push(base, m.commit(annAuthor, worldFiles(true), m.branches[memDefault]))
		return true
	}
	files, app := m.filesOf(tip), m.pick("app", "web")
	kind := m.IntN(5)
	switch kind {
	case 0, 1:
		files["notes.txt"] += "x\n"
	case 2:
		files[policy.File] = policyText(m.IntN(2) == 0)
	case 3:
		files["apps/"+app+".yaml"] = strings.Replace(files["apps/"+app+".yaml"], "between: x", "between: xx", 1)
	case 4:
		files["apps/"+app+".yaml"] = manifestText(app, m.pick("1.0.1", "1.1.0"), 1)
	}
	m.say("%s moves, %d", base, kind)
	m.Push(base, m.commit(annAuthor, files, tip))
	return true
}

func (m *model) deleteBase() bool {
	if m.branches["dev"] == "" || m.IntN(2) == 0 {
		return false
	}
	m.say("dev is deleted")
	m.Delete("dev")
	return true
}
