package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// Bounds of the way between a body's own time and its arrival. GitHub can be
// asked for three days to deliver again, GitHub Enterprise Server for seven
// (https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks).
const (
	maxAhead        = 5 * time.Minute
	maxBehind       = 4 * 24 * time.Hour
	maxBehindServer = 8 * 24 * time.Hour
	// maxTwins is how far two deliveries are apart whose events GitHub dated alike, to
	// the second: a label that is put on, taken off and put on again has one body twice.
	maxTwins = 10 * time.Second
)

// again reports deliveries that repeat others. It tells whether the body was there
// before, at whichever hook, so that it shows nothing new. GitHub gives an event one
// GUID, and sends it under that to every hook; no header is signed.
func (j *judge) again(r Reading) bool {
	j.reused(r)
	first, seen := j.bodies[r.Record.BodyHash]
	if !seen {
		j.bodies[r.Record.BodyHash] = r.Record
		// One that came before the window under the same GUID is told again here.
		if first, seen = j.earlier[r.Record.BodyHash]; !seen || first.ID == r.Record.ID {
			return false
		}
	}
	apart := r.Record.Time.Sub(first.Time)
	twin := r.Body.Action != "" && first.Source == r.Record.Source && apart.Abs() <= maxTwins
	if r.Body.Event == "ping" || twin && (r.Body.Action == "labeled" || r.Body.Action == "unlabeled") {
		return true // pings carry no time and labels go on, off and on within a second: both can be equal
	}
	if first.ID != r.Record.ID {
		j.report(r, "delivery/replayed",
			"somebody has got hold of a signed body: look at proxies and logs on its way, and replace the webhook's secret",
			"delivery %s has the body of entry %d, which came as %s", r.Record.ID, first.Index, first.ID)
		if twin {
			f := &j.findings[len(j.findings)-1]
			f.Severity, f.Hint = finding.Note, "two events of one second can have one body; later, or at another hook, this would be an error"
		}
	}
	i, found := slices.BinarySearchFunc(j.timeline.Uses, first.Index, func(u Use, index int64) int { return cmp.Compare(u.Index, index) })
	if found {
		j.timeline.Uses[i].Also = append(j.timeline.Uses[i].Also, r.Record.Index)
	}
	return true
}

// reused reports a GUID that stands for two things.
func (j *judge) reused(r Reading) {
	hook, guid := r.Record.Source, r.Record.ID
	for _, key := range [...]guidKey{{hook, guid}, {anyHook, guid}} {
		first, seen := j.guids[key]
		if !seen {
			j.guids[key] = r.Record
			continue
		}
		what := ""
		switch {
		case first.Name != r.Record.Name:
			what = "event"
		case key.hook == anyHook: // bodies and targets are each hook's own
		case first.BodyHash != r.Record.BodyHash:
			what = "body"
		case first.Target != r.Record.Target:
			what = "target"
		}
		if what != "" {
			j.report(r, "delivery/guid-reused", "compare the two bodies, and replace the webhook's secret",
				"delivery %s of hook %s has another %s than entry %d", guid, cmp.Or(hook, "unknown"), what, first.Index)
			return
		}
	}
}

// anyHook stands for all hooks together.
const anyHook = "*"

// delivery reports what is wrong with one delivery, whoever caused it.
func (j *judge) delivery(r Reading) {
	b := r.Body
	if b.Malformed != "" {
		j.report(r, "delivery/malformed", "look at the body: GitHub writes none like it",
			"the body is not as GitHub writes it: %s", b.Malformed)
	}
	if b.Event != r.Record.Name && b.Malformed == "" {
		j.report(r, "delivery/event-mismatch", "the header is not signed and the body is: believe the body",
			"the header says %s, and the body is %s", cmp.Or(r.Record.Name, "nothing"), cmp.Or(b.Event, "no such event's"))
	}
	j.target(r)
	if clocked := kindOf(b.Event).clocked; clocked != nil && clocked(b) && !b.Time.IsZero() {
		switch way := r.Record.Time.Sub(b.Time); {
		case way < -maxAhead:
			j.report(r, "delivery/clock", "check this machine's clock", "the body tells of a time %s after it came in", -way.Round(time.Second))
		case way > maxBehindServer, way > maxBehind && b.Cloud:
			j.report(r, "delivery/clock", "GitHub delivers again for three days only, and its Enterprise Server for seven: look where it came from",
				"the body tells of a time %s before it came in", way.Round(time.Second))
		}
	}
	j.name(b)
}

// target holds the headers that say whose hook it is against the body.
func (j *judge) target(r Reading) {
	b := r.Body
	kind, id, _ := strings.Cut(r.Record.Target, "/")
	const hint = "the header is not signed and the body is: believe the body"
	var in int64
	switch kind {
	case "repository":
		in = b.Repository.ID
	case "organization":
		in = b.Organization.ID
	}
	if in != 0 && strconv.FormatInt(in, 10) != id {
		j.report(r, "delivery/target-mismatch", hint, "the header says %s, and the body is of %s %d", r.Record.Target, kind, in)
	}
	if b.Hook != 0 && r.Record.Source != "" && strconv.FormatInt(b.Hook, 10) != r.Record.Source {
		j.report(r, "delivery/target-mismatch", hint, "the header says hook %s, and the body is of hook %d", r.Record.Source, b.Hook)
	}
}

// name remembers which repository had a name first.
func (j *judge) name(b Body) {
	for _, name := range []string{b.Former, b.Repository.Name} {
		if key := strings.ToLower(name); key != "" && b.Repository.ID != 0 && j.names[key] == 0 {
			j.names[key] = b.Repository.ID
		}
	}
}

// alarm reports what weakens the watch itself, or tells of a leak.
func (j *judge) alarm(r Reading) {
	alarm := kindOf(r.Body.Event).alarm
	if alarm == nil {
		return
	}
	b := r.Body
	by := "somebody whom GitHub does not name"
	if b.Sender.ID != 0 {
		by = fmt.Sprintf("%s (%d)", b.Sender.Login, b.Sender.ID)
	}
	alarm(j, r, by, cmp.Or(b.Repository.Name, b.Organization.Login, "an unknown repository"))
}
