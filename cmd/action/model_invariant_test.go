package main

import (
	"maps"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// The four invariants, as issue and design have them.
const (
	invName    = "(1) a success was judged against another base than its name says"
	invNewest  = "(2) the newest check was not judged against the present base"
	invOutside = "(3) somebody outside left an honest pull request red"
	invBound   = "(4) something was merged, approved or armed for another base than was judged"
)

// verdict is the one about a head and a base, apart from how a run came to it.
func (m *model) verdict(by evidence) finding.Verdict {
	by.policy = ""
	v, known := m.verdicts[by]
	if known {
		return v
	}
	v = finding.Undecided
	facts, err := m.pullFacts(m.pull(by.number), by.ref, by.tip, by.head)
	rules := policy.Default()
	if text, ok := m.filesOf(by.tip)[policy.File]; ok && err == nil {
		rules, err = policy.Parse(policy.File, []byte(text))
	}
	if err == nil {
		v = gate.Judge(rules, facts, gate.Options{Now: time.Now()}).Verdict()
	}
	m.verdicts[by] = v
	return v
}

// present is what a pull request would have to be judged by now.
func (m *model) present(p *memPull) evidence {
	return evidence{number: p.number, head: p.head, ref: p.base, tip: m.branches[p.base]}
}

func green(v finding.Verdict) bool { return v == finding.Pass || v == finding.NotApplicable }

// acted looks at an action before it is done: invariants 1 and 4, and of 2 what a run
// can know.
func (m *model) acted(r *memRun, a plan.Action) {
	m.say("%s", a)
	by, name := r.evidence, ""
	switch a := a.(type) {
	case plan.Approve:
		m.seen["approved"]++
	case plan.ArmAutoMerge:
		m.seen["armed"]++
	case plan.PutCheck:
		m.seen[a.Conclusion]++
		if a.Conclusion == "success" {
			name = a.Name
		}
	case plan.SetStatus:
		m.seen[a.State]++
		if a.State == "success" {
			name = a.Context
		}
	}
	if name != "" && (name != plan.CheckName(modelCheck, by.ref, memDefault) || !m.tips[by.ref][by.tip] || by.policy != by.tip ||
		!guarded(by.ref) || !green(m.verdict(by))) {
		m.fault(invName, "%s on %s, judged against %s at %.8s: %s", name, by.head, by.ref, by.tip, m.verdict(by))
	}
	if name != "" && by.tip != r.last {
		m.fault(invNewest, "%s on %s, judged against %s at %.8s, which was known to be at %.8s", name, by.head, by.ref, by.tip, r.last)
	}
	if number, _, ok := plan.BoundOf(a); ok {
		p := m.pull(number)
		by.policy = ""
		if now := m.present(p); now != by || m.verdict(by) != finding.Pass || !guarded(p.base) {
			m.fault(invBound, "%s: %+v was judged, %+v is there: %s", a, by, now, m.verdict(by))
		}
	}
}

// land looks at a merge.
func (m *model) land(p *memPull, auto bool) {
	m.say("#%d is merged into %s, by GitHub %v", p.number, p.base, auto)
	if !auto {
		m.seen["merged"]++
		return
	}
	m.seen["merged by GitHub"]++
	if c := m.newest(p.head, plan.CheckName(modelCheck, p.base, memDefault)); c == nil || c.ref != p.base || !m.tips[p.base][c.tip] {
		m.fault(invBound, "#%d is merged into %s, and was judged by %+v", p.number, p.base, c)
	}
}

// settled looks at what is left once all runs have ended: invariant 2, and of 4 what
// still stands. A push to a base judges Flux's pull requests anew, and of the others those
// that are green; of the rest the last event is run again first.
func (m *model) settled() {
	for moved := true; moved; { // what is merged meanwhile moves a base once more
		moved = false
		for _, p := range m.openPulls(func(p *memPull) bool { return !ofFlux(p) }) {
			tip := m.branches[p.base]
			own := m.newestOf(p.head, plan.CheckName(modelCheck, p.base, memDefault), func(c *memCheck) bool { return c.number == p.number })
			if c := m.newest(p.head, plan.CheckName(modelCheck, p.base, memDefault)); c != nil && c.green && c.ref == p.base && c.tip != tip &&
				m.branches[p.base] != "" && guarded(p.base) && !m.carried(c.tip, m.present(p)) && !m.off.unpushed {
				m.fault(invNewest, "#%d, which is not Flux's: the success was judged against %.8s", p.number, c.tip)
			}
			if own == nil || own.tip != tip || stands(p) {
				m.again(p)
				moved = moved || m.branches[p.base] != tip
			}
		}
	}
	for _, p := range m.openPulls(func(p *memPull) bool { return m.branches[p.base] != "" }) {
		name, now := plan.CheckName(modelCheck, p.base, memDefault), m.present(p)
		c := m.newest(p.head, name)
		switch {
		case !guarded(p.base): // nothing there is ever green, and no push judges anew
		case c == nil && p.fork: // nothing was said for the sake of one of ours that has moved on since; that is not green either
		case c == nil:
			m.fault(invNewest, "#%d has no check %s", p.number, name)
		case c.ref != p.base || c.tip != now.tip && !m.carried(c.tip, now):
			m.fault(invNewest, "#%d: %s was judged against %s at %.8s, and is at %.8s", p.number, name, c.ref, c.tip, now.tip)
		case !c.green && !m.noChecks && slices.ContainsFunc(m.checks, func(o *memCheck) bool {
			return o.sha == p.head && o.name == name && o.green
		}):
			m.fault(invNewest, "#%d: beside a newer %s there is an older success", p.number, name)
		}
		if v := m.verdict(now); stands(p) && (v != finding.Pass || !guarded(p.base)) {
			m.fault(invBound, "#%d is approved or armed for %s, and its verdict is %s", p.number, p.base, v)
		}
	}
}

// ofFlux tells whether a pull request is of a branch that the policy takes updates from.
func ofFlux(p *memPull) bool { return !p.fork && (p.branch == fluxBranch || p.branch == otherBranch) }

// stands tells whether something of ours lets a pull request be merged.
func stands(p *memPull) bool {
	return p.armed != nil || slices.ContainsFunc(p.approvals, func(a memApproval) bool { return a.SHA == p.head })
}

// again re-runs the last event of a pull request that names its present base.
func (m *model) again(p *memPull) {
	for _, merge := range []bool{false, true} {
		for _, one := range slices.Backward(m.events) {
			if one.event.Number == p.number && one.event.BaseRef == p.base && one.merge == merge && p.open {
				m.run(one)
				m.drain()
				break
			}
		}
	}
}

// carried tells whether a verdict may stay though the base moved: nothing moved that
// has a bearing on it.
func (m *model) carried(from string, now evidence) bool {
	old, tip, head := m.filesOf(from), m.filesOf(now.tip), m.filesOf(now.head)
	maps.DeleteFunc(old, func(path, text string) bool { return tip[path] == text })
	return m.past[now.tip][from] && len(old) == 0 && head != nil
}

// outside looks at invariant 3: the next run of an honest pull request is green, and
// no run of a fork's turns it back.
func (m *model) outside() {
	inside := func(p *memPull) bool { return !p.fork && m.branches[p.base] != "" && guarded(p.base) }
	for _, p := range m.openPulls(inside) {
		if m.verdict(m.present(p)) != finding.Pass || slices.ContainsFunc(m.openPulls(inside), func(o *memPull) bool {
			return o.head == p.head && o.base == p.base && !green(m.verdict(m.present(o)))
		}) {
			continue
		}
		m.again(p)
		m.stillGreen(p, "its own run")
		for _, o := range m.openPulls(func(o *memPull) bool { return o.fork && o.head == p.head }) {
			m.again(o)
		}
		m.stillGreen(p, "runs of forks")
	}
}

func (m *model) stillGreen(p *memPull, after string) {
	if c := m.newest(p.head, plan.CheckName(modelCheck, p.base, memDefault)); p.open && (c == nil || !c.green) {
		m.fault(invOutside, "#%d, after %s", p.number, after)
	}
}
