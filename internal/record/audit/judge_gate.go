package audit

import (
	"cmp"
	"slices"
	"strings"
)

// What became of the gate's verdicts.

// gated is what the deliveries of a repository tell of the gate.
type gated struct {
	// given are the verdicts, by commit and name: how each check or status ended.
	given map[string]map[string][]string
	heads map[string]bool // commits of updates whose push is here, and so all that was said of them
	bases map[string]bool // commits that a base was moved to
	ends  map[string]bool // commits that merged pull requests became
	paths map[string]bool // files that the bot has updated
	// joined says that a merged pull request became a commit that a base was moved to.
	joined bool
}

// gate gives what is known of a repository.
func (j *judge) gate(id int64) *gated {
	g := j.gates[id]
	if g == nil {
		g = &gated{map[string]map[string][]string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, false}
		j.gates[id] = g
	}
	return g
}

// knowGate notes verdicts, pushes and merges. What the bot says of itself is no verdict.
func (j *judge) knowGate(b Body) {
	g, bot := j.gate(b.Repository.ID), j.contract.bot(b.Sender)
	switch {
	case b.Event == "push":
		if j.toBase(b) {
			g.bases[b.After], g.joined = true, g.joined || g.ends[b.After]
		}
		if !j.contract.branch(b.Ref) {
			break
		}
		if g.heads[b.After] = true; bot {
			for path := range strings.SplitSeq(b.Paths, "\x00") {
				g.paths[path] = true
			}
		}
	case b.Merge != "":
		g.ends[b.Merge], g.joined = true, g.joined || g.bases[b.Merge]
	case (b.Event == "status" && !bot || b.Event == "check_run" && b.Action == "completed" && !j.contract.app(b.App)) && gateName(b.Subject):
		if g.given[b.After] == nil {
			g.given[b.After] = map[string][]string{}
		}
		name := strings.ToLower(strings.TrimSpace(b.Subject))
		g.given[b.After][name] = append(g.given[b.After][name], b.State)
	}
}

// toBase tells whether a push went where updates are merged.
func (j *judge) toBase(b Body) bool {
	name, ok := strings.CutPrefix(b.Ref, "refs/heads/")
	return ok && name != "" && (name == b.Default || slices.Contains(j.contract.Bases, name))
}

// merged holds an update that was merged against the gate's verdict of its head. Where the
// gate gives none in the repository, or the head was pushed before all this, nothing is known.
func (j *judge) merged(r Reading, by, where string) {
	b := r.Body
	g := j.gate(b.Repository.ID)
	if b.Subject != "merged" || !j.contract.branch(b.Ref) || !j.contract.repository(b.Repository) || !j.contract.base(b) ||
		len(g.given) == 0 || !g.heads[b.After] {
		return
	}
	name := gateWord
	if b.Base != b.Default {
		name += " (" + strings.ToLower(b.Base) + ")"
	}
	given := g.given[b.After][name]
	good := func(state string) bool { return state == "success" || state == "" }
	switch {
	case b.Base == "" || b.Default == "" || slices.ContainsFunc(given, good):
	case len(given) == 0:
		j.tell(r, "gate/merged-without-verdict", "judge it now: fluxkeeper check; then require the check on the branch",
			"%s merged #%d of %s, and the gate gave no verdict of its head", by, b.Number, where)
	default:
		j.tell(r, "gate/bypassed", "read what the verdict said, and ask why it was merged all the same",
			"%s merged #%d of %s, of whose head the verdict was %s", by, b.Number, where, given[len(given)-1])
	}
}

// pushedToBase tells of what Flux updates, or of what steers GitHub, that came to a base
// without a pull request. It is only known where merges and pushes are seen to belong
// together.
func (j *judge) pushedToBase(r Reading, by, where string) {
	b := r.Body
	g := j.gate(b.Repository.ID)
	path := b.Workflow
	for one := range strings.SplitSeq(strings.TrimSuffix(b.Paths, "\x00"), "\x00") {
		if one != "" && g.paths[one] {
			path = cmp.Or(path, one)
		}
	}
	if path != "" && g.joined && !g.ends[b.After] && j.toBase(b) && j.contract.repository(b.Repository) {
		j.guard(r, "", "gate/pushed-to-base", "read the push; a ruleset can keep the branch to pull requests",
			"%s pushed a change of %s to %s of %s without a pull request", by, path, short(b.Ref), where)
	}
}
