package policy

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *reader) uses(into *Uses) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.mapping(n, "uses", fields{
			"repositories": r.texts("repositories", &into.Repositories, r.repositoryPattern),
			"branches":     r.texts("branches", &into.Branches, r.branchPattern),
			"events":       r.texts("events", &into.Events, r.event),
			"limits":       r.perHour(&into.Limits),
		})
	}
}

// repositoryPattern takes owner/name with patterns, or an id.
func (r *reader) repositoryPattern(n *yaml.Node, s string) bool {
	if strings.Trim(s, "0123456789") == "" {
		return true
	}
	if strings.Count(s, "/") != 1 || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") {
		r.report(n, `write owner/name, owner/*, or the id in quotes`, "%s is not the full name of a repository", quote(s))
		return false
	}
	return r.pattern(n, s)
}

// event takes the spelling of events, not a list of them: GitHub adds some.
func (r *reader) event(n *yaml.Node, s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	name, object, bound := strings.Cut(s, ":")
	kind, action, dotted := strings.Cut(name, ".")
	if kind == "" || strings.Trim(kind, letters) != "" || dotted && (action == "" || strings.Trim(action, letters) != "") ||
		bound && object == "" {
		r.report(n, "write it as push, as pull_request.opened or as status:flux/*", "%s is not an event", quote(s))
		return false
	}
	return r.pattern(n, object)
}

// perHour reads how many of each event there may be.
func (r *reader) perHour(into *map[string]int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !r.kind(n, yaml.MappingNode, "limits", "keys and values") {
			return
		}
		*into = map[string]int{}
		r.pairs(n, func(key, value *yaml.Node) {
			if strings.ContainsAny(key.Value, ".:") {
				r.report(key, "write push rather than an action of it", "%s is not an event alone", quote(key.Value))
			} else if v, ok := r.number(value, key.Value, 1); ok && r.event(key, key.Value) {
				(*into)[key.Value] = int(v)
			}
		})
	}
}
