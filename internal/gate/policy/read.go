package policy

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// formatVersion is the version of the file format.
const formatVersion = 1

// maxLookback is as good as any number of days, and of commits.
const maxLookback = 100_000

// The words that a policy file may use.
var (
	evidenceWords = []Evidence{EvidenceNone, EvidenceText, EvidenceAccount, EvidenceSignature, EvidenceKey, EvidencePusher}
	peopleWords   = []People{PeopleWarn, PeopleRefuse}
	versionings   = []image.Versioning{image.Semver, image.Calendar, image.ByPolicy}
	allowWords    = []string{
		"patch", "minor", "zero-minor", "major", "downgrade", "prerelease", "variant", "prefix", "not-semver",
		"floating", "digest-moved", "digest-dropped", "digest-gained", "image-changed", "incomparable",
	}
)

// policy reads the whole file. Overrides inherit from the general terms,
// wherever in the file these stand, so images come last.
func (r *reader) policy(root *yaml.Node) Policy {
	p := Default()
	var images *yaml.Node
	seen := r.mapping(root, "the policy file", fields{
		"version":    r.version,
		"branches":   r.branches(&p),
		"paths":      r.texts("paths", &p.Paths, r.pathPattern),
		"bots":       r.bots(&p.Bots),
		"openers":    r.accounts("openers", "an opener", &p.Openers),
		"evidence":   word(r, "evidence", evidenceWords, &p.Evidence),
		"people":     word(r, "people", peopleWords, &p.People),
		"others":     r.accounts("others", "another bot", &p.Others),
		"allow":      r.allow(&p.Terms.Allow),
		"versioning": word(r, "versioning", versionings, &p.Terms.Versioning),
		"limits":     r.limits(&p.Terms, &p.MaxUpdates),
		"reverts":    r.reverts(&p.Reverts),
		"title":      r.string("title", &p.Title, anything),
		"rules":      r.rules(&p.Rules),
		"uses":       r.uses(&p.Uses),
		"images":     func(n *yaml.Node) { images = n },
	})
	if seen == nil {
		return p
	}
	if seen["version"] == nil {
		r.report(root, "begin the file with: version: "+strconv.Itoa(formatVersion), "the version is missing")
	}
	if images != nil {
		r.each(images, "images", func(n *yaml.Node) { p.Overrides = append(p.Overrides, r.override(n, p.Terms)) })
	}
	if len(r.problems) == 0 {
		r.provable(p, seen["evidence"])
	}
	return p
}

func (r *reader) version(n *yaml.Node) {
	if v, ok := r.number(n, "version", formatVersion); ok && v > formatVersion {
		r.report(n, "this release knows version "+strconv.Itoa(formatVersion)+" only", "unknown version %d", v)
	}
}

// provable reports a ladder step that no bot of the policy could reach.
func (r *reader) provable(p Policy, evidence *yaml.Node) {
	if evidence == nil {
		return
	}
	switch p.Evidence {
	case EvidenceAccount, EvidencePusher:
		if !slices.ContainsFunc(p.Bots, func(b Bot) bool { return b.ID > 0 }) {
			r.report(evidence, "give a bot its login and id", "evidence %s needs a bot's account", p.Evidence)
		}
	case EvidenceKey:
		if !slices.ContainsFunc(p.Bots, func(b Bot) bool { return len(b.Keys) > 0 }) {
			r.report(evidence, "give a bot its keys", "evidence key needs a pinned key")
		}
	}
}

func (r *reader) branches(p *Policy) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.mapping(n, "branches", fields{
			"head": r.texts("head", &p.Head, r.branchPattern),
			"base": r.texts("base", &p.Base, r.base),
		})
	}
}

func (r *reader) bots(into *[]Bot) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var bots []Bot
		r.each(n, "bots", func(item *yaml.Node) {
			var b Bot
			seen := r.mapping(item, "a bot", fields{
				"login": r.string("login", &b.Login, r.login),
				"id":    r.id(&b.ID),
				"name":  r.string("name", &b.Name, anything),
				"email": r.string("email", &b.Email, r.email),
				"keys":  r.keys(&b.Keys),
			})
			r.whole(item, seen)
			if seen != nil && seen["name"] == nil && seen["email"] == nil {
				r.report(item, "add the email of spec.git.commit.author in the ImageUpdateAutomation",
					"a bot needs a name or an email to know its commits by")
			}
			bots = append(bots, b)
		})
		*into = bots
	}
}

// accounts reads a list, each of which is what.
func (r *reader) accounts(list, what string, into *[]change.Account) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.each(n, list, func(item *yaml.Node) {
			var a change.Account
			seen := r.mapping(item, what, fields{"login": r.string("login", &a.Login, r.login), "id": r.id(&a.ID)})
			r.whole(item, seen)
			if seen != nil && seen["login"] == nil && seen["id"] == nil {
				r.report(item, "give login and id", "%s needs an account", what)
			}
			*into = append(*into, a)
		})
	}
}

// whole reports half an account: a login can change hands, and nobody can
// read an id.
func (r *reader) whole(n *yaml.Node, seen map[string]*yaml.Node) {
	switch login, id := seen["login"], seen["id"]; {
	case login != nil && id == nil:
		r.report(login, "a login can change hands; find the id with: gh api users/LOGIN --jq .id", "login without id")
	case login == nil && id != nil:
		r.report(id, "say whose it is; find the login with: gh api user/ID --jq .login", "id without login")
	}
}

func (r *reader) id(into *int64) func(*yaml.Node) {
	return func(n *yaml.Node) { *into, _ = r.number(n, "id", 1) }
}

func (r *reader) allow(into *[]string) func(*yaml.Node) {
	check := func(n *yaml.Node, s string) bool {
		if s == "minor-skip" {
			r.report(n, "set minor-skip under limits", "minor-skip is a limit, not a kind of step")
			return false
		}
		return r.oneOf(n, "kind of step", s, allowWords)
	}
	list := r.texts("allow", into, check)
	return func(n *yaml.Node) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			*into = []string{} // a freeze: no step at all
			return
		}
		list(n)
	}
}

// limits reads a mapping of limits; the number of updates is the whole
// change's and not an image's, for which updates is nil.
func (r *reader) limits(terms *Terms, updates *int) func(*yaml.Node) {
	known := fields{"minor-skip": func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.Value == "any" {
			terms.MinorSkip = -1
		} else if v, ok := r.number(n, `minor-skip, where it is not "any",`, 0); ok {
			terms.MinorSkip = int(v)
		}
	}}
	if updates != nil {
		known["updates"] = func(n *yaml.Node) {
			if v, ok := r.number(n, "updates", 1); ok {
				*updates = int(v)
			}
		}
	}
	return func(n *yaml.Node) { r.mapping(n, "limits", known) }
}

// reverts reads how far back the base is looked at.
func (r *reader) reverts(into *change.Within) func(*yaml.Node) {
	atLeastOne := func(what string, into *int) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if v, ok := r.number(n, what, 1); ok {
				*into = int(min(v, maxLookback))
			}
		}
	}
	within := fields{"days": atLeastOne("days", &into.Days), "commits": atLeastOne("commits", &into.Commits)}
	return func(n *yaml.Node) {
		r.mapping(n, "reverts", fields{"within": func(n *yaml.Node) { r.mapping(n, "within", within) }})
	}
}

func (r *reader) rules(into *map[string]Setting) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !r.kind(n, yaml.MappingNode, "rules", "keys and values") {
			return
		}
		settings := map[string]Setting{}
		r.pairs(n, func(key, value *yaml.Node) {
			rule, known := finding.Lookup(key.Value)
			if !known {
				names := text.Each(finding.Catalogue(), func(r finding.Rule) string { return r.Name })
				r.report(key, nearest(key.Value, names, "list the rules with: fluxkeeper rules"), "unknown rule %s", quote(key.Value))
			}
			if value.Kind == yaml.ScalarNode && slices.Contains(plain(finding.Severities()), value.Value) {
				r.report(value, "write {severity: "+value.Value+"}, and a reason where that is less than the rule's own",
					"a rule must be keys and values")
				return
			}
			var s Setting
			seen := r.mapping(value, "a rule", fields{
				"severity": word(r, "severity", finding.Severities(), &s.Severity),
				"reason":   r.string("reason", &s.Reason, anything),
			})
			switch {
			case seen == nil:
			case seen["severity"] == nil:
				r.report(key, "write {severity: "+strings.Join(plain(finding.Severities()), " | ")+"}", "the rule has no severity")
			case known && s.Severity.Below(rule.Severity) && seen["reason"] == nil:
				r.report(key, "say why it may be less than "+string(rule.Severity), "lowering %s needs a reason", key.Value)
			}
			settings[key.Value] = s
		})
		*into = settings
	}
}

func anything(*yaml.Node, string) bool { return true }

func (r *reader) branchPattern(n *yaml.Node, s string) bool {
	if rest, ok := strings.CutPrefix(s, "refs/heads/"); ok {
		r.report(n, "write "+quote(rest), "a branch is named without refs/heads/")
		return false
	}
	return r.pattern(n, s)
}

// base takes the name of one branch: each base has a check of its own, which a
// branch that somebody makes tomorrow is not to get by its name alone.
func (r *reader) base(n *yaml.Node, s string) bool {
	prefix, whole := pattern.Literal(s)
	if whole || !r.branchPattern(n, s) {
		return whole && r.branchPattern(n, s)
	}
	hint := "write out the names of the branches"
	if r.among != nil {
		if names, err := r.among(prefix); err == nil {
			hint += r.matches(s, names)
		}
	}
	r.report(n, hint, "%s is a pattern, and each base is named by itself, since it has a check of its own", quote(s))
	return false
}

// maxMatches is how many of the branches that a pattern matches are named.
const maxMatches = 20

func (*reader) matches(of string, names []string) string {
	var found []string
	for _, name := range names {
		if pattern.Match(of, name) {
			found = append(found, quote(name))
		}
	}
	if len(found) == 0 {
		return "; today it matches none"
	}
	slices.Sort(found)
	return "; today it matches " + text.Some(found, maxMatches)
}

func (r *reader) pathPattern(n *yaml.Node, s string) bool {
	switch {
	case strings.HasPrefix(s, "/"), strings.HasPrefix(s, "./"), strings.HasPrefix(s, "../"):
		r.report(n, "start with a directory of the repository, such as clusters/**", "paths are relative to the repository's root")
		return false
	case strings.HasSuffix(s, "/"):
		r.report(n, "write "+quote(s+"**"), "this pattern matches no file")
		return false
	}
	return r.pattern(n, s)
}

func (r *reader) imagePattern(n *yaml.Node, s string) bool {
	last := s[strings.LastIndex(s, "/")+1:]
	if strings.ContainsAny(last, ":@") {
		r.report(n, "remove what follows the name", "an image is matched by its name, without tag and digest")
		return false
	}
	return r.pattern(n, s)
}

func (r *reader) policyPattern(n *yaml.Node, s string) bool {
	namespace, name, ok := strings.Cut(s, ":")
	if !ok || namespace == "" || name == "" || strings.Contains(name, ":") {
		r.report(n, "write flux-system:app or flux-system:*", "an ImagePolicy is named namespace:name")
		return false
	}
	return r.pattern(n, namespace) && r.pattern(n, name)
}

// pattern refuses what the matcher refuses, and a "**" that would silently
// mean "*", since it does not stand alone between slashes.
func (r *reader) pattern(n *yaml.Node, s string) bool {
	if !pattern.Valid(s) {
		r.report(n, `a literal [, {, * or ? is written with a \ before it`, "bad pattern %s", quote(s))
		return false
	}
	for i := 0; i+1 < len(s); i++ {
		if s[i:i+2] != "**" {
			continue
		}
		if i > 0 && !strings.ContainsRune("/{,", rune(s[i-1])) || i+2 < len(s) && !strings.ContainsRune("/},", rune(s[i+2])) {
			r.report(n, `write "*" within a name, or "/**" for everything below`, `"**" must stand alone between slashes`)
			return false
		}
		i++
	}
	return true
}
