package audit

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Contract is what the bot's accounts may do, in plain values.
type Contract struct {
	// Accounts are the bot's. Their ids decide; an account without one is not
	// looked for. Without any id nothing can be attributed.
	Accounts []Account
	// Repositories are patterns of full names (owner/name, letter case ignored)
	// or ids in decimal digits. None means any.
	Repositories []string
	// Branches are patterns of the branches that the bot may push and propose.
	// None means no branch.
	Branches []string
	// Bases are the branches that its pull requests may go to. None means the default
	// branch.
	Bases []string
	// Paths are patterns of the files that it may change. None means any that Flux
	// can write.
	Paths []string
	// Events are what the bot may cause: "event" or "event.action", and after a colon a
	// pattern of the object, such as a status's context. Where there is none, any will do.
	Events []string
	// Limits are how many of an event there may be in an hour.
	Limits map[string]int
	// Workflows are patterns of the workflow files that it may change, whatever the paths say.
	Workflows []string
	// Hours are when the bot may act; nil means at any time.
	Hours *Hours
	// Authors are who makes the bot's commits. None means anybody.
	Authors []Author
}

// Author is how a bot signs its commits. Empty fields are not compared.
type Author struct{ Name, Email string }

// Hours are a time of the day, by the clock of a place.
type Hours struct {
	// From and To are minutes since midnight; where To is not after From, they go past
	// midnight, on from the days.
	From, To int
	Days     []time.Weekday // none means every day
	Zone     *time.Location
}

// within tells whether a time is among the hours.
func (h *Hours) within(t time.Time) bool {
	if h == nil {
		return true
	}
	t = t.In(h.Zone)
	minute, day := t.Hour()*60+t.Minute(), t.Weekday()
	on := func(day time.Weekday) bool { return len(h.Days) == 0 || slices.Contains(h.Days, day) }
	if h.From < h.To {
		return h.From <= minute && minute < h.To && on(day)
	}
	return h.From <= minute && on(day) || minute < h.To && on((day+6)%7)
}

// bot tells whether the account is one of the bot's.
func (c Contract) bot(a Account) bool {
	return a.ID != 0 && slices.ContainsFunc(c.Accounts, func(b Account) bool { return b.ID == a.ID })
}

// namesake tells whether the account has a login of the bot's and another id, or none.
func (c Contract) namesake(a Account) bool {
	return !c.bot(a) && slices.ContainsFunc(c.Accounts, func(b Account) bool {
		return b.ID != 0 && b.Login != "" && strings.EqualFold(a.Login, b.Login)
	})
}

func (c Contract) known() bool {
	return slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.ID != 0 })
}

func (c Contract) repository(r Repository) bool {
	if len(c.Repositories) == 0 {
		return true
	}
	id, name := strconv.FormatInt(r.ID, 10), strings.ToLower(r.Name)
	return slices.ContainsFunc(c.Repositories, func(want string) bool {
		return want == id || pattern.Match(strings.ToLower(want), name)
	})
}

// branch tells whether a ref is one of the bot's branches. A tag is none.
func (c Contract) branch(ref string) bool {
	name, ok := strings.CutPrefix(ref, "refs/heads/")
	return ok && pattern.Any(c.Branches, name)
}

// base tells whether a pull request may go to a branch.
func (c Contract) base(b Body) bool {
	if len(c.Bases) == 0 {
		return b.Base == "" || b.Default == "" || b.Base == b.Default
	}
	return b.Base == "" || slices.Contains(c.Bases, b.Base)
}

// stray is the first of a push's paths that the bot has no business with; Flux writes
// YAML alone.
func (c Contract) stray(b Body) string {
	for path := range strings.SplitSeq(strings.TrimSuffix(b.Paths, "\x00"), "\x00") {
		if pattern.Any(c.Workflows, path) {
			continue
		}
		yaml := strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")
		if path != "" && (!yaml || len(c.Paths) > 0 && !pattern.Any(c.Paths, path)) {
			return path
		}
	}
	return ""
}

// wrote tells whether one of the authors is who an entry of Body.Authors stands for.
func (c Contract) wrote(signed string) bool {
	name, rest, _ := strings.Cut(signed, ":")
	email, login, _ := strings.Cut(rest, ":")
	return len(c.Authors) == 0 || slices.ContainsFunc(c.Authors, func(a Author) bool {
		return (a.Name == "" || mark(a.Name) == name) && (a.Email == "" || mark(a.Email) == email)
	}) || slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.Login != "" && mark(strings.ToLower(a.Login)) == login })
}

// steering is the first of a push's paths that steers GitHub and is not the bot's to
// change. It changes workflows, and never makes or removes one.
func (c Contract) steering(b Body) string {
	if !b.Edited || b.Cut {
		return b.Workflow
	}
	for path := range strings.SplitSeq(strings.TrimSuffix(b.Paths, "\x00"), "\x00") {
		if steers(path) && !pattern.Any(c.Workflows, path) {
			return path
		}
	}
	return ""
}

// obeyedLabel is what the labels say that other bots merge or wait because of.
var obeyedLabel = pattern.Lazy(`(?i)merge|approve|lgtm|hold|block|bors|kodiak|queue|wip|bypass|override|to.test`)

// event tells whether the bot may cause an event about an object. The gate's own name is
// never the bot's: who gives the verdict of it is not who is judged. Labels that bots obey
// are the bot's where a pattern names them.
func (c Contract) event(kind, action, object string) bool {
	if (kind == "status" || kind == "check_run") && gateName(object) {
		return false
	}
	obeyed := kind == "pull_request" && (action == "labeled" || action == "unlabeled") && obeyedLabel().MatchString(object) &&
		!strings.HasPrefix(strings.ToLower(object), gateWord)
	return slices.ContainsFunc(c.Events, func(word string) bool {
		name, want, bound := strings.Cut(word, ":")
		return (bound || !obeyed) && (name == kind || action != "" && name == kind+"."+action) && (!bound || pattern.Match(want, object))
	})
}

// gateWord is what the gate calls itself: its check, and the mark of its comments.
const gateWord = "fluxkeeper"

// gateName tells whether a check or status has the gate's name, for whichever base.
func gateName(s string) bool {
	s = strings.ToLower(strings.TrimSpace(s))
	return s == gateWord || strings.HasPrefix(s, gateWord+" (")
}

// app tells whether an App is the bot: the App "flux" acts as "flux[bot]".
func (c Contract) app(slug string) bool {
	return slug != "" && slices.ContainsFunc(c.Accounts, func(b Account) bool {
		return b.ID != 0 && strings.EqualFold(strings.TrimSuffix(b.Login, "[bot]"), slug)
	})
}
