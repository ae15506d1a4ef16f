package flux

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Failure is one cause at one object, however often it was logged, raised as an
// event and written to a condition.
type Failure struct {
	Object string // Kind/namespace/name; empty where the line names none
	// Cause has an empty Name where no cause was recognised.
	Cause Cause
	// Attempts counts the runs that failed with it.
	Attempts    int
	First, Last time.Time
	// Healed tells that the object has since done what failed.
	Healed bool
	// Sources are where it was seen: log, event, condition.
	Sources []string
}

// failures collects them by object and cause.
type failures struct {
	all  map[[2]string]*Failure
	runs map[[2]string]map[string]bool // reconcileIDs
	// done is since when an object is ready, pushed when it last pushed.
	done, pushed map[string]time.Time
}

// Failures finds what failed within the window, gravest matters (those that
// still hold) first. Flux logs every failure twice under one reconcileID, raises
// an event for it, writes it to the object's condition, and tries again.
func Failures(c Cluster) []Failure {
	f := &failures{
		all: map[[2]string]*Failure{}, runs: map[[2]string]map[string]bool{},
		done: map[string]time.Time{}, pushed: map[string]time.Time{},
	}
	for _, log := range c.Logs {
		for _, text := range log.Lines {
			f.line(text)
		}
	}
	for _, e := range c.Events {
		f.event(e)
	}
	for _, r := range c.Repositories {
		f.condition(object("GitRepository", r.Namespace, r.Name), r.Conditions)
	}
	for _, a := range c.Automations {
		f.condition(object("ImageUpdateAutomation", a.Namespace, a.Name), a.Conditions)
		f.push(object("ImageUpdateAutomation", a.Namespace, a.Name), a.LastPushCommit, a.LastPush)
	}
	for _, p := range c.Policies {
		f.condition(object("ImagePolicy", p.Namespace, p.Name), p.Conditions)
	}
	return f.sorted()
}

func object(kind, namespace, name string) string { return kind + "/" + namespace + "/" + name }

func (f *failures) line(text string) {
	l, ok := ParseLine(text)
	if !ok {
		return // other libraries' words, which name no object
	}
	of := ""
	if l.Kind != "" {
		of = object(l.Kind, l.Namespace, l.Name)
	}
	if l.Level != "error" {
		f.push(of, l.Commit, l.Time)
		return
	}
	f.add(of, l.Text, "log", l.Run, l.Time)
}

func (f *failures) push(of, commit string, when time.Time) {
	if of != "" && commit != "" && when.After(f.pushed[of]) {
		f.pushed[of] = when
	}
}

func (f *failures) event(e Event) {
	of := object(e.Kind, e.Namespace, e.Name)
	if e.Type == "Warning" {
		f.add(of, e.Message, "event", "", e.Last)
		return
	}
	f.push(of, pushed(e.Message), e.Last)
}

func (f *failures) condition(of string, conditions []Condition) {
	for _, c := range conditions {
		switch {
		case c.Type == "Ready" && c.Status == "True":
			f.done[of] = c.Time
		case c.Type == "Ready" && c.Status == "False", c.Type == "Stalled" && c.Status == "True":
			f.add(of, c.Message, "condition", "", c.Time)
		}
	}
}

func (f *failures) add(of, text, source, run string, when time.Time) {
	cause, ok := Recognise(text)
	key := [2]string{of, cause.Name + string(cause.Stage)}
	if !ok {
		cause.Evidence = evidence(text)
		key[1] = cause.Evidence
	}
	known := f.all[key]
	if known == nil {
		known = &Failure{Object: of, Cause: cause, First: when, Last: when}
		f.all[key], f.runs[key] = known, map[string]bool{}
	}
	if run != "" {
		f.runs[key][run] = true
	}
	if when.Before(known.First) {
		known.First = when
	}
	if when.After(known.Last) {
		known.Last, known.Cause.Evidence = when, cause.Evidence
	}
	if !slices.Contains(known.Sources, source) {
		known.Sources = append(known.Sources, source)
	}
}

// healed tells whether the object has since done what failed. That a run found
// nothing to push heals no push: a token that lost its right to write stays
// unnoticed until there is something to write.
func (f *failures) healed(one *Failure) bool {
	if one.Cause.Stage == Push {
		return f.pushed[one.Object].After(one.Last)
	}
	done, ok := f.done[one.Object]
	return ok && !slices.Contains(one.Sources, "condition") && !done.Before(one.Last.Truncate(time.Second)) ||
		f.pushed[one.Object].After(one.Last)
}

func (f *failures) sorted() []Failure {
	var all []Failure
	for key, one := range f.all {
		one.Attempts = max(1, len(f.runs[key]))
		one.Healed = f.healed(one)
		slices.Sort(one.Sources)
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Failure) int {
		switch {
		case a.Healed != b.Healed && b.Healed:
			return -1
		case a.Healed != b.Healed:
			return 1
		}
		return cmp.Or(strings.Compare(a.Object, b.Object), a.First.Compare(b.First), strings.Compare(a.Cause.Name, b.Cause.Name),
			strings.Compare(a.Cause.Evidence, b.Cause.Evidence))
	})
	return all
}
