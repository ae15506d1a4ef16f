package fakehub

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PullState is a pull request as it is on the hub.
type PullState struct {
	Number              int
	Title, Body, Author string
	Head, Base          string // branches
	HeadSHA, BaseSHA    string
	Open, Merged        bool
	MergeSHA            string
	Labels              []string
	AutoMerge           string // the method, such as SQUASH; empty when not armed
	Reviews             []Review
}

// Review is a review as it is on the hub.
type Review struct {
	ID                int64
	User, State, Body string
	Commit            string
}

// Pull gives a pull request; false when there is none of that number.
func (h *Hub) Pull(fullName string, number int) (PullState, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok := h.repo(fullName).pulls[number]
	if !ok {
		return PullState{}, false
	}
	s := PullState{
		Number: p.Number, Title: p.Title, Body: p.Body, Author: p.Author, Head: p.Head, Base: p.Base,
		HeadSHA: p.headSHA(), BaseSHA: p.baseSHA(), Open: p.open(), Merged: !p.merged.IsZero(), MergeSHA: p.mergeSHA,
		Labels: slices.Clone(p.Labels),
	}
	if p.autoMerge != nil {
		s.AutoMerge = p.autoMerge.method
	}
	for _, r := range p.reviews {
		s.Reviews = append(s.Reviews, Review{r.id, r.user, r.state, r.body, r.commit})
	}
	return s, true
}

// Status is a commit status as it is on the hub.
type Status struct{ SHA, Context, State, Description, Target, Creator string }

// Statuses gives the commit statuses in the order they were made.
func (h *Hub) Statuses(fullName string) []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Status
	for _, s := range h.repo(fullName).statuses {
		all = append(all, Status{s.sha, s.context, s.state, s.description, s.target, s.creator})
	}
	return all
}

// Check is a check run as it is on the hub.
type Check struct {
	ID                            int64
	SHA, Name, Status, Conclusion string
	ExternalID, DetailsURL        string
	Title, Summary, Text          string
	Annotations                   []map[string]any
}

// Checks gives the check runs in the order they were made.
func (h *Hub) Checks(fullName string) []Check {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Check
	for _, c := range h.repo(fullName).checks {
		output, _ := c.body["output"].(js)
		text := func(of js, name string) string { s, _ := of[name].(string); return s }
		one := Check{
			ID: c.id, SHA: text(c.body, "head_sha"), Name: text(c.body, "name"), Status: text(c.body, "status"),
			Conclusion: text(c.body, "conclusion"), ExternalID: text(c.body, "external_id"), DetailsURL: text(c.body, "details_url"),
			Title: text(output, "title"), Summary: text(output, "summary"), Text: text(output, "text"),
		}
		for _, a := range c.annotations {
			if object, ok := a.(js); ok {
				one.Annotations = append(one.Annotations, maps.Clone(object))
			}
		}
		all = append(all, one)
	}
	return all
}

// State describes what can be changed through the API: pull requests,
// comments, checks, statuses and branches, as text for golden files.
func (h *Hub) State(fullName string) string {
	h.mu.Lock()
	r := h.repo(fullName)
	numbers := slices.Sorted(maps.Keys(r.pulls))
	branches, err := r.git.run(false, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
	h.mu.Unlock()
	if err != nil {
		h.problem("list branches: %v", err)
	}
	var b strings.Builder
	for _, n := range numbers {
		p, _ := h.Pull(fullName, n)
		fmt.Fprintf(&b, "pull request %s", pretty(p))
		for _, c := range h.Comments(fullName, n) {
			fmt.Fprintf(&b, "\ncomment by %s on %d\n%s", c.Author, n, strings.TrimSuffix(indent(c.Body), "\n"))
		}
		b.WriteString("\n")
	}
	for _, i := range h.Issues(fullName) {
		fmt.Fprintf(&b, "issue %d by %s, %s: %s\n%s", i.Number, i.Author, map[bool]string{true: "closed", false: "open"}[i.Closed], i.Title,
			indent(i.Body))
	}
	for _, c := range h.Checks(fullName) {
		c.ID = 0
		fmt.Fprintf(&b, "check run %s\n", pretty(c))
	}
	for _, s := range h.Statuses(fullName) {
		fmt.Fprintf(&b, "status %s\n", pretty(s))
	}
	b.WriteString(branches)
	return b.String()
}
