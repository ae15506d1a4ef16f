package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

func (r *reader) uses(into *Uses) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.mapping(n, "uses", fields{
			"repositories": r.texts("repositories", &into.Repositories, r.repositoryPattern),
			"branches":     r.texts("branches", &into.Branches, r.branchPattern),
			"events":       r.texts("events", &into.Events, r.event),
			"limits":       r.perHour(&into.Limits),
			"hours":        r.hours(&into.Hours),
			"workflows":    r.texts("workflows", &into.Workflows, r.workflowPattern),
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

// workflowPattern takes paths of workflow files, which lie in one folder.
func (r *reader) workflowPattern(n *yaml.Node, s string) bool {
	if name, ok := strings.CutPrefix(s, WorkflowDir); !ok || name == "" || strings.Contains(name, "/") || strings.Contains(name, "**") {
		r.report(n, "write "+WorkflowDir+"NAME.yaml", "%s is not the path of a workflow", quote(s))
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

// weekdays are the days of the week as the file names them, in the order of time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// hours reads when something may be done. Whether there is such a zone is for who knows
// the zones.
func (r *reader) hours(into **Hours) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var h Hours
		var days []string
		var from, to string
		clock := func(into *int) func(*yaml.Node, string) bool {
			return func(n *yaml.Node, s string) bool {
				at, err := time.Parse("15:04", s)
				if err != nil || len(s) != len("15:04") {
					r.report(n, `write it as "08:00"`, "%s is not a time of the day", quote(s))
				}
				*into = at.Hour()*60 + at.Minute()
				return true
			}
		}
		seen := r.mapping(n, "hours", fields{
			"from": r.string("from", &from, clock(&h.From)),
			"to":   r.string("to", &to, clock(&h.To)),
			"zone": r.string("zone", &h.Zone, r.zone),
			"days": r.texts("days", &days, func(n *yaml.Node, s string) bool {
				return r.oneOf(n, "day", s, weekdays)
			}),
		})
		if seen != nil && (seen["from"] == nil || seen["to"] == nil) {
			r.report(n, `write {from: "08:00", to: "18:00"}`, "hours need from and to")
		}
		for _, day := range days {
			h.Days = append(h.Days, time.Weekday(slices.Index(weekdays, day)))
		}
		*into = &h
	}
}

func (r *reader) zone(n *yaml.Node, s string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/"
	if strings.Trim(s, letters) != "" || s == "Local" || strings.Contains(s, "//") || strings.HasPrefix(s, "/") {
		r.report(n, "write UTC, or an area and a city, such as Europe/Berlin", "%s is not the name of a time zone", quote(s))
		return false
	}
	return true
}

// String is the time of the day and the days, in words.
func (h Hours) String() string {
	days := "every day"
	if len(h.Days) > 0 {
		days = "on " + join(text.Each(h.Days, time.Weekday.String), "and")
	}
	return fmt.Sprintf("from %02d:%02d to %02d:%02d %s, by the clock of %s", h.From/60, h.From%60, h.To/60, h.To%60, days,
		cmp.Or(h.Zone, "UTC"))
}
