package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Notice is what an issue is to say as long as something needs attention.
type Notice struct {
	// Name tells one notice from another, such as the name of a token.
	Name        string
	Title, Body string // Body is Markdown, escaped already
	// Needed says that somebody has to do something; else the issue is closed.
	Needed bool
	// Over is what an issue says once nothing is left to do, in Markdown.
	Over   string
	DryRun bool
}

// NoticeState is what is on GitHub now.
type NoticeState struct {
	// Issues are the open ones that GitHub says are this token's own.
	Issues []Issue
	// Denied says, by right, why the token may not do something.
	Denied map[Right]string
}

// Issue is an open issue.
type Issue struct {
	Number      int
	Title, Body string
}

// OpenIssue opens an issue.
type OpenIssue struct{ Title, Body string }

// EditIssue gives an issue another title and body.
type EditIssue struct {
	Number      int
	Title, Body string
}

// CloseIssue closes an issue, with a last body that says why.
type CloseIssue struct {
	Number int
	Body   string
}

// Right is RightIssues.
func (OpenIssue) Right() Right { return RightIssues }

// Right is RightIssues.
func (EditIssue) Right() Right { return RightIssues }

// Right is RightIssues.
func (CloseIssue) Right() Right { return RightIssues }

func (a OpenIssue) String() string { return "open issue: " + text.Plain(a.Title) }

func (a EditIssue) String() string {
	return fmt.Sprintf("refresh issue #%d: %s", a.Number, text.Plain(a.Title))
}

func (a CloseIssue) String() string { return fmt.Sprintf("close issue #%d", a.Number) }

// NoticeMark is the hidden line by which the issue of a notice is known again.
// Anybody can write it: an issue is ours if it has the mark and is this token's.
func NoticeMark(name string) string { return "<!-- fluxkeeper:notice:" + markName(name) + " -->" }

// PlanNotice plans one issue as long as the notice is needed, and none when it is
// not. Issues without our mark are not touched.
func PlanNotice(n Notice, now NoticeState) Plan {
	var plan Plan
	ours := slices.DeleteFunc(slices.Clone(now.Issues), func(i Issue) bool { return !strings.HasPrefix(i.Body, NoticeMark(n.Name)) })
	mark := NoticeMark(n.Name) + "\n"
	body := mark + fit(strings.TrimSpace(n.Body), maxComment-len(mark))
	title := text.CutUTF16(text.Plain(n.Title), maxTitle)
	switch {
	case now.Denied[RightIssues] != "":
		if n.Needed || len(ours) > 0 {
			plan.note("could not write issues: %s (a workflow grants it with permissions: %s)", now.Denied[RightIssues], RightIssues.Permission())
		}
		return plan
	case !n.Needed:
		for _, i := range ours {
			plan.do(CloseIssue{i.Number, mark + n.Over})
		}
		return plan
	case len(ours) == 0:
		plan.do(OpenIssue{title, body})
		return plan
	}
	first := slices.MinFunc(ours, func(a, b Issue) int { return cmp.Compare(a.Number, b.Number) })
	if first.Title != title || strings.TrimSpace(strings.ReplaceAll(first.Body, "\r\n", "\n")) != body {
		plan.do(EditIssue{first.Number, title, body})
	}
	// Two runs at once can each have opened one.
	for _, i := range ours {
		if i.Number != first.Number {
			plan.do(CloseIssue{i.Number, mark + fmt.Sprintf("See #%d.", first.Number)})
		}
	}
	return plan
}
