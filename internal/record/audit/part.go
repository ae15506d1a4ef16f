package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// word is a text; another value is none, and no error either: some keys hold another
// thing in other events.
type word string

// UnmarshalJSON never fails.
func (w *word) UnmarshalJSON(raw []byte) error {
	var s string
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		*w = word(s)
	}
	return nil
}

// ourMark tells whether a comment is one that the Action writes: its hidden line comes
// first, and no line is a command that bots obey.
type ourMark bool

var command = pattern.Lazy(`(?mi)^\s*([/!][a-z]|@[a-z0-9-]|(bors|trunk|lgtm|ship it|merge it)\b)`)

// UnmarshalJSON never fails.
func (m *ourMark) UnmarshalJSON(raw []byte) error {
	var s word
	err := s.UnmarshalJSON(raw)
	*m = ourMark(strings.HasPrefix(string(s), "<!-- fluxkeeper:") && !command().MatchString(string(s)))
	return err
}

// changes are what an edit changed: in most events, what was there before, under "from".
type changes map[string]json.RawMessage

// UnmarshalJSON never fails.
func (c *changes) UnmarshalJSON(raw []byte) error {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) == nil {
		*c = all
	}
	return nil
}

// keys names what was changed.
func (c changes) keys() string { return strings.Join(slices.Sorted(maps.Keys(c)), ", ") }

// was is what each key held before.
func (c changes) was() map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for key := range c {
		all[key] = c.from(key)
	}
	return all
}

// from is the value at a path, and then below "from".
func (c changes) from(path ...string) json.RawMessage {
	at := map[string]json.RawMessage(c)
	for _, key := range path {
		var below map[string]json.RawMessage
		if json.Unmarshal(at[key], &below) != nil {
			return nil
		}
		at = below
	}
	return at["from"]
}

// text is from as a text.
func (c changes) text(path ...string) string {
	var w word
	if raw := c.from(path...); len(raw) > 0 {
		_ = w.UnmarshalJSON(raw)
	}
	return string(w)
}

// to is what a key holds now.
func (c changes) to(key string) string {
	var now struct{ To word }
	_ = json.Unmarshal(c[key], &now)
	return string(now.To)
}

// lost are the rules that an edit took out of a ruleset, as holds gives them.
func (c changes) lost() []string {
	var edit struct{ Deleted []rule }
	_ = json.Unmarshal(c["rules"], &edit)
	return text.Each(edit.Deleted, rule.String)
}

// protection is a branch protection rule, or what one was.
type protection struct {
	object
	all map[string]json.RawMessage
}

// UnmarshalJSON reads what every object has, and the whole.
func (p *protection) UnmarshalJSON(raw []byte) error {
	_ = json.Unmarshal(raw, &p.all)
	return json.Unmarshal(raw, &p.object)
}

// settings are those of a protection, as JSON.
func settings(all map[string]json.RawMessage) string {
	kept := maps.Clone(all)
	for _, no := range []string{"id", "repository_id", "created_at", "updated_at"} {
		delete(kept, no)
	}
	text, err := json.Marshal(kept)
	if err != nil || len(kept) == 0 {
		return ""
	}
	return string(text)
}

// looser names the settings that guard less than they did. What was before is known of
// the one last seen, and of the event itself.
func looser(last, was, now string) string {
	old, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for _, text := range []string{last, was} {
		_ = json.Unmarshal([]byte(text), &old)
	}
	_ = json.Unmarshal([]byte(now), &is)
	var all []string
	for key := range old {
		if weaker(key, old[key], is[key]) {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// weaker tells whether a setting guards less than before. Where the two cannot be
// compared, it is not said to.
func weaker(key string, before, now json.RawMessage) bool {
	var was, is []string
	if json.Unmarshal(before, &was) == nil && json.Unmarshal(now, &is) == nil {
		if strings.Contains(key, "actor") { // more may do it
			was, is = is, was
		}
		return slices.ContainsFunc(was, func(s string) bool { return !slices.Contains(is, s) })
	}
	if key == "name" { // another pattern, and the branches of the former one are open
		return len(before) > 0 && len(now) > 0 && string(before) != string(now)
	}
	a, okA := strictness(before)
	b, okB := strictness(now)
	if strings.HasPrefix(key, "allow_") {
		a, b = b, a
	}
	return okA && okB && b < a
}

func strictness(raw json.RawMessage) (float64, bool) {
	if level := slices.Index([]string{`"off"`, `"non_admins"`, `"everyone"`}, string(raw)); level >= 0 {
		return float64(level), true
	}
	var flag bool
	if json.Unmarshal(raw, &flag) == nil && len(raw) > 0 && raw[0] != 'n' {
		return map[bool]float64{true: 1}[flag], true
	}
	var number float64
	return number, len(raw) > 0 && raw[0] != 'n' && json.Unmarshal(raw, &number) == nil
}

// ruleset is a ruleset with all that decides what it guards.
type ruleset struct {
	object
	Enforcement  string `json:"enforcement"`
	BypassActors []struct {
		ID   json.RawMessage `json:"actor_id"`
		Type string          `json:"actor_type"`
		Mode string          `json:"bypass_mode"`
	} `json:"bypass_actors"`
	Rules      []rule          `json:"rules"`
	Conditions json.RawMessage `json:"conditions"`
}

type rule struct {
	Type       string          `json:"type"`
	Parameters json.RawMessage `json:"parameters"`
}

// String is the rule with what stands for its parameters.
func (r rule) String() string {
	return strings.TrimSpace("rule " + r.Type + " " + digest(r.Parameters))
}

// holds is the whole ruleset, a line for each thing. Where a line is lost, or one that
// begins with bypass comes, it guards less.
func (r ruleset) holds() string {
	lines := []string{"enforcement " + r.Enforcement}
	if len(r.Conditions) > 0 {
		lines = append(lines, "conditions "+digest(r.Conditions))
	}
	for _, rule := range r.Rules {
		lines = append(lines, rule.String())
	}
	for _, a := range r.BypassActors {
		lines = append(lines, fmt.Sprintf("bypass %s %s %s", a.Type, a.ID, a.Mode))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// digest stands for a value, whatever the order of its keys.
func digest(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil || v == nil {
		return ""
	}
	same, err := json.Marshal(v)
	if err != nil || bytes.Equal(same, []byte("{}")) {
		return ""
	}
	sum := sha256.Sum256(same)
	return fmt.Sprintf("%x", sum[:4])
}

// rights are permissions of a token, by their kind and name.
type rights struct {
	Repository, Organization, Other map[string]string
}

// writing lists those that are more than reading.
func (r rights) writing() string {
	var all []string
	for _, kind := range []map[string]string{r.Repository, r.Organization, r.Other} {
		for name, level := range kind {
			if level != "read" {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// analysis is which features of security and analysis are on.
type analysis map[string]struct {
	Status string `json:"status"`
}

// off names what is disabled now and was enabled before.
func (a analysis) off(before json.RawMessage) string {
	var was struct {
		Analysis analysis `json:"security_and_analysis"`
	}
	_ = json.Unmarshal(before, &was)
	var all []string
	for name, now := range a {
		if now.Status == "disabled" && was.Analysis[name].Status == "enabled" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// exemption is a request to be let past what guards a repository, or the answer to it.
type exemption struct {
	Status word `json:"status"`
	ID     id   `json:"requester_id"`
	Login  word `json:"requester_login"`
}

// property is one by which rulesets find their repositories.
type property struct {
	Name word `json:"property_name"`
}

type properties []property

// labels are those of a job, which are texts.
type labels []word
