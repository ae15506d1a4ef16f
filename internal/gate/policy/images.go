package policy

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

func (r *reader) override(n *yaml.Node, inherited Terms) Override {
	o := Override{Terms: inherited, Line: n.Line}
	o.Terms.Allow = slices.Clone(inherited.Allow)
	seen := r.mapping(n, "an entry of images", fields{
		"match":      r.string("match", &o.Image, r.imagePattern),
		"policy":     r.string("policy", &o.Policy, r.policyPattern),
		"allow":      r.allow(&o.Terms.Allow),
		"versioning": word(r, "versioning", versionings, &o.Terms.Versioning),
		"order":      r.order(&o.Terms.Order),
		"limits":     r.limits(&o.Terms, nil),
		"until":      r.date(&o.Until),
		"reason":     r.string("reason", &o.Reason, anything),
	})
	if seen == nil {
		return o
	}
	if seen["match"] == nil && seen["policy"] == nil {
		r.report(n, "give match, an image name, or policy, namespace:name of its ImagePolicy", "this entry matches no image")
	}
	if seen["reason"] == nil {
		r.report(n, "say why this image is different", "this entry has no reason")
	}
	return o
}

// order reads what the spec of an ImagePolicy says of filterTags and policy.
func (r *reader) order(into **image.Selector) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var s image.Selector
		ask := func(what string, keys fields) func(*yaml.Node) {
			return func(n *yaml.Node) { r.mapping(n, what, keys) }
		}
		direction := func(into *string) func(*yaml.Node) {
			return ask("an order of tags", fields{"order": word(r, "order", []string{"asc", "desc"}, into)})
		}
		seen := r.mapping(n, "order", fields{
			"filterTags": ask("filterTags", fields{
				"pattern": r.string("pattern", &s.Pattern, anything), "extract": r.string("extract", &s.Extract, anything),
			}),
			"policy": ask("policy", fields{
				"semver":    ask("semver", fields{"range": r.string("range", &s.Range, anything)}),
				"numerical": direction(&s.Numerical), "alphabetical": direction(&s.Alphabetical),
			}),
		})
		if err := s.Check(); seen != nil && err != nil {
			r.report(n, "write it as the ImagePolicy does: {filterTags: {pattern: …, extract: …}, policy: {numerical: {order: asc}}}", "%v", err)
			return
		}
		*into = &s
	}
}

func (r *reader) date(into *time.Time) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !r.kind(n, yaml.ScalarNode, "until", "a date") {
			return
		}
		day, err := time.Parse(time.DateOnly, n.Value)
		if err != nil {
			r.report(n, "write the last day as 2026-12-31", "until is not a date")
			return
		}
		*into = day
	}
}
