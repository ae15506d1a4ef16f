package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
)

// TestNotice: one issue as long as it is needed, and only ours is touched.
func TestNotice(t *testing.T) {
	mark := plan.NoticeMark("a token") + "\n"
	needed := plan.Notice{Name: "a token", Title: "Look\x1b at it", Body: "Now.", Needed: true}
	over := plan.Notice{Name: "a token", Over: "Good again."}
	ours := func(number int, body string) plan.Issue {
		return plan.Issue{Number: number, Title: `Look\u{001B} at it`, Body: mark + body}
	}
	foreign := plan.Issue{Number: 3, Title: "x", Body: "before " + mark}
	other := plan.Issue{Number: 4, Title: "x", Body: plan.NoticeMark("another") + "\n"}
	for name, tt := range map[string]struct {
		notice plan.Notice
		issues []plan.Issue
		denied string
		want   []string
		notes  int
	}{
		"needed, none there": {notice: needed, issues: []plan.Issue{foreign, other},
			want: []string{`open issue: Look\u{001B} at it`}},
		"needed, and there": {notice: needed, issues: []plan.Issue{ours(1, "Now."), other}},
		"there with other line breaks": {notice: needed,
			issues: []plan.Issue{{Number: 1, Title: `Look\u{001B} at it`, Body: strings.ReplaceAll(mark, "\n", "\r\n") + "Now.\r\n"}}},
		"needed, and says something else": {notice: needed, issues: []plan.Issue{ours(1, "Before.")},
			want: []string{`refresh issue #1: Look\u{001B} at it`}},
		"two runs opened one each": {notice: needed, issues: []plan.Issue{ours(8, "Now."), ours(7, "Now.")},
			want: []string{"close issue #8"}},
		"over, and there": {notice: over, issues: []plan.Issue{ours(1, "Now."), foreign, other},
			want: []string{"close issue #1"}},
		"over, none there":            {notice: over, issues: []plan.Issue{foreign, other}},
		"not allowed":                 {notice: needed, denied: "no", notes: 1},
		"not allowed, and not needed": {notice: over, denied: "no"},
	} {
		now := plan.NoticeState{Issues: tt.issues, Denied: map[plan.Right]string{}}
		if tt.denied != "" {
			now.Denied[plan.RightIssues] = tt.denied
		}
		p := plan.PlanNotice(tt.notice, now)
		var got []string
		for _, a := range p.Actions {
			got = append(got, a.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || len(p.Notes) != tt.notes {
			t.Errorf("%s: notes %q (-want +got)\n%s", name, p.Notes, diff)
		}
	}
}
