package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Publication is what is to be said of one commit.
type Publication struct {
	// Name is the check run's name and the status's context.
	Name string
	// SHA is the commit that was judged; Number its pull request, 0 where there
	// is none.
	SHA    string
	Number int
	// BaseRef is the branch that it was judged against, and BaseTip the commit
	// that the branch was at; neither is looked at without a number.
	BaseRef, BaseTip string
	// DefaultBranch is the one that Name was made for; it may be empty.
	DefaultBranch string
	// Fork says that the pull request's commit is not known to be of a branch of
	// this repository.
	Fork    bool
	Verdict finding.Verdict
	// Title is one line; Summary is Markdown, escaped already. Link leads to
	// the workflow run.
	Title, Summary, Link string
	Findings             []finding.Finding
	Via                  Via
	// Comment asks for one comment that is edited each time.
	Comment bool
	// LabelPrefix, where it is not empty, asks for Labels on the pull request.
	// Labels with the prefix that are not in Labels are taken away; others are
	// not touched.
	LabelPrefix string
	Labels      []string
	// DryRun plans, and changes nothing.
	DryRun bool
}

// Via is how a verdict is put on a commit.
type Via string

// The ways.
const (
	ViaAuto   Via = "auto"   // a check run, or a status where the token may not write check runs
	ViaCheck  Via = "check"  // a check run only
	ViaStatus Via = "status" // a commit status only
	ViaNone   Via = "none"   // neither
)

// Published is what is on GitHub now, as far as a publication needs it.
type Published struct {
	// Head is the pull request's head, BaseRef the branch that it goes to, and
	// BaseTip where that branch is. They are not read without a number.
	Head, BaseRef, BaseTip string
	// DefaultBranch is the repository's.
	DefaultBranch string

	Runs     []Run         // our check runs of the name on the commit, oldest first
	Statuses []Status      // statuses of the context on the commit, newest first
	Others   map[int]Other // other open pull requests with this head, by number
	// Comments are our own, oldest first.
	Comments []Comment
	Labels   []string
	// Denied says, by right, why the token may not do something.
	Denied map[Right]string
}

// Other is another open pull request with the same head.
type Other struct {
	BaseRef string
	Fork    bool
}

// Run is a check run.
type Run struct {
	ID                   int64
	External, Conclusion string
	Title, Summary, Link string
	Annotations          []Annotation
}

// Status is a commit status.
type Status struct{ State, Description, Link string }

// Comment is a comment of our own.
type Comment struct {
	ID   int64
	Body string
}

const external = "fluxkeeper:"

// External is the mark by which a check run is known again: ours, for the pull
// request and the base branch, where there is one. The job that runs this has a
// check run of its own, perhaps of the same name and by the same app, which must
// not be touched.
func External(number int, base string) string {
	mark := external + strconv.Itoa(number)
	if base != "" {
		mark += ":" + base // no branch has a colon in its name
	}
	return mark
}

// ParseExternal gives number and base of a mark, the base empty where it names
// none; ok is false for what is not ours.
func ParseExternal(mark string) (number int, base string, ok bool) {
	text, ok := strings.CutPrefix(mark, external)
	text, base, _ = strings.Cut(text, ":")
	number, err := strconv.Atoi(text)
	return number, base, ok && err == nil
}

// CheckName is what a check about a base branch is called: name speaks of the
// default branch alone. A check belongs to a commit and stays when the base is
// changed, so that one name for two branches would be green for both.
func CheckName(name, base, defaultBranch string) string {
	if base != "" && base == defaultBranch {
		return name
	}
	return name + " (" + base + ")"
}

// Publish plans the publication. not-applicable is a success, so that the check
// can be required for every pull request; undecided is none.
func Publish(p Publication, now Published) Plan {
	switch {
	case p.Number == 0:
	case p.DefaultBranch != "" && now.DefaultBranch != p.DefaultBranch:
		// A run that is started again has the event that it had, and GitHub keeps it for a month.
		plan := Plan{Moved: true}
		plan.note("the default branch is %s, and the event says %s: nothing is published", text.Quote(now.DefaultBranch),
			text.Quote(p.DefaultBranch))
		return plan
	case now.BaseRef != p.BaseRef:
		return movedBase(p.Number, p.BaseRef, now.BaseRef)
	case now.Head != p.SHA:
		return moved(p.Number, p.SHA, now.Head)
	case p.Verdict != finding.Undecided && now.BaseTip != p.BaseTip:
		return outdated(p.BaseRef, p.BaseTip, now.BaseTip)
	}
	var plan Plan
	p = p.worst(now, &plan)
	if n := p.honest(now); n != 0 {
		plan.note("#%d of this repository has the same commit and base: its verdict stands on the commit", n)
		p.Via = ViaNone
	}
	switch {
	case p.Via == ViaNone:
	case p.Via != ViaStatus && now.Denied[RightChecks] == "":
		plan.check(p, now)
	case p.Via == ViaCheck:
		plan.denied(RightChecks, now)
	default:
		if p.Via != ViaStatus {
			plan.note("a commit status stands in for the check run: %s", now.Denied[RightChecks])
		}
		plan.status(p, now)
	}
	if p.Number != 0 && p.Comment {
		plan.comment(p, now)
	}
	if p.Number != 0 && p.LabelPrefix != "" {
		plan.labels(p, now)
	}
	return plan
}

// denied notes what could not be published.
func (p *Plan) denied(right Right, now Published) {
	p.note("could not write %s: %s (a workflow grants it with permissions: %s)", right, now.Denied[right], right.Permission())
}

// worst keeps a success of one pull request from hiding the failure of another
// one with the same commit: checks belong to commits, and whoever can open a
// pull request could open a second, harmless one from the same commit.
func (p Publication) worst(now Published, plan *Plan) Publication {
	for _, n := range p.failed(now) {
		if p.peer(now, n) {
			plan.note("#%d has the same commit and did not pass: the commit does not turn green until that one is closed or has another head", n)
			p.Title = fmt.Sprintf("%s; but #%d, of the same commit, did not pass", p.Title, n)
			p.Verdict = waiting
			return p
		}
	}
	return p
}

// peer tells whether the open pull request n is of equal standing: to the same
// base, and both of this repository or both of forks.
func (p Publication) peer(now Published, n int) bool {
	other, ok := now.Others[n]
	return ok && other.BaseRef == p.BaseRef && other.Fork == p.Fork
}

// honest is the number of an open pull request of this repository with the same
// commit and base, if this is a fork's; else 0. Anybody can propose a commit of
// ours from a fork, and is not to colour it.
func (p Publication) honest(now Published) int {
	found := 0
	for n, other := range now.Others {
		if p.Fork && !other.Fork && other.BaseRef == p.BaseRef && (found == 0 || n < found) {
			found = n
		}
	}
	return found
}

// waiting stands for a success that another pull request holds up. It is not
// a failure, lest two pull requests hold each other up for ever.
const waiting finding.Verdict = "waiting"

// MindsOthers tells whether Published.Others matters: this is of a fork, or
// something was published on the commit for another pull request.
func (p Publication) MindsOthers(now Published) bool {
	return p.Number != 0 && p.Fork || len(p.failed(now)) > 0 || slices.ContainsFunc(now.Runs, p.others)
}

// others tells whether a run is of another pull request.
func (p Publication) others(r Run) bool {
	n, _, ok := ParseExternal(r.External)
	return ok && p.Number != 0 && n != 0 && n != p.Number
}

// failed lists the pull requests, open or not, for which something other than a
// success was published on the commit, if this is a success; lowest first.
func (p Publication) failed(now Published) []int {
	if conclusion(p.Verdict) != "success" || p.Via == ViaNone {
		return nil
	}
	var all []int
	add := func(n int, bad bool) {
		if n != p.Number && n != 0 && bad && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	for _, run := range now.Runs {
		n, base, _ := ParseExternal(run.External)
		add(n, run.Conclusion == "failure" && (base == "" || base == p.BaseRef))
	}
	seen := map[int]bool{}
	for _, status := range now.Statuses {
		n, ok := describedNumber(status.Description)
		if ok && !seen[n] {
			add(n, status.State == "failure" || status.State == "error")
		}
		seen[n] = true
	}
	slices.Sort(all)
	return all
}

// conclusion is a check run's word for a verdict. Nothing but a pass, or having
// nothing to judge, is a success; neutral and skipped would count as one.
func conclusion(v finding.Verdict) string {
	switch v {
	case finding.Pass, finding.NotApplicable:
		return "success"
	case waiting:
		return "action_required"
	}
	return "failure"
}

// state is a commit status's word for a verdict.
func state(v finding.Verdict) string {
	switch v {
	case finding.Pass, finding.NotApplicable:
		return "success"
	case finding.Fail:
		return "failure"
	case waiting:
		return "pending"
	}
	return "error"
}

// Mark is the hidden line by which the comment of a check is known again.
// Anybody can write it: a comment is ours if it has the mark and is ours.
func Mark(name string) string { return "<!-- fluxkeeper:verdict:" + markName(name) + " -->" }

// markName makes a name fit for a comment of HTML.
func markName(name string) string {
	return strings.Map(func(c rune) rune {
		if c > ' ' && c < utf8.RuneSelf && !strings.ContainsRune("<>-", c) {
			return c
		}
		return '_'
	}, name)
}

// HasComment tells whether our comment of the name is among those that are there.
func (p Publication) HasComment(now Published) bool {
	return slices.ContainsFunc(now.Comments, func(c Comment) bool { return strings.HasPrefix(c.Body, Mark(p.Name)) })
}

func (p *Plan) comment(pub Publication, now Published) {
	if now.Denied[RightComments] != "" {
		p.denied(RightComments, now)
		return
	}
	mark := Mark(pub.Name) + "\n"
	body := mark + fit(strings.TrimSpace(pub.Summary), maxComment-len(mark))
	have := slices.DeleteFunc(slices.Clone(now.Comments), func(c Comment) bool { return !strings.HasPrefix(c.Body, Mark(pub.Name)) })
	if len(have) == 0 {
		p.do(PutComment{Number: pub.Number, Body: body})
		return
	}
	first := have[0]
	if strings.TrimSpace(strings.ReplaceAll(first.Body, "\r\n", "\n")) != body {
		p.do(PutComment{Number: pub.Number, ID: first.ID, Body: body})
	}
	// Two runs at once can each have written one.
	for _, c := range have[1:] {
		p.do(DeleteComment{pub.Number, c.ID})
	}
}

func (p *Plan) labels(pub Publication, now Published) {
	if now.Denied[RightLabels] != "" {
		p.denied(RightLabels, now)
		return
	}
	same := func(a, b string) bool { return strings.EqualFold(a, b) } // as GitHub takes labels
	has := func(all []string, l string) bool {
		return slices.ContainsFunc(all, func(x string) bool { return same(x, l) })
	}
	for _, l := range now.Labels {
		ours := len(l) >= len(pub.LabelPrefix) && same(l[:len(pub.LabelPrefix)], pub.LabelPrefix)
		if ours && !has(pub.Labels, l) {
			p.do(RemoveLabel{pub.Number, l})
		}
	}
	var add []string
	for _, l := range pub.Labels {
		if !has(now.Labels, l) && !has(add, l) {
			add = append(add, l)
		}
	}
	if len(add) > 0 {
		p.do(AddLabels{pub.Number, add})
	}
}
