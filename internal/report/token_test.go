package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// TestTokenIsInert: nothing that the server or a person wrote acts on a terminal,
// in a workflow's log or in Markdown.
func TestTokenIsInert(t *testing.T) {
	const evil = "x\x1b[31m\n::error::no\u202e | @ann <img src=x> ##[set-output name=verdict]pass"
	need := token.ForFlux([]string{"acme/fleet"}, true)
	need.Account, need.Name = evil, evil
	scopes := "repo," + strings.ReplaceAll(strings.ReplaceAll(evil, " ", "_"), ",", "_")
	for _, kind := range []token.Kind{token.Classic, token.FineGrained} {
		o := token.Observations{
			Form: token.Form{Kind: kind, Whole: true}, Fingerprint: evil, Time: time.Unix(1_800_000_000, 0).UTC(), Name: evil, Expires: evil,
			Scopes:  &scopes,
			Account: &token.Account{Login: evil, ID: 1, Type: evil, Profile: []string{evil}},
			Answers: []token.Answer{
				{Probe: token.AskUser, Status: 200, Class: token.OK, Message: evil},
				{Probe: token.AskRepository, Repository: evil, Status: 502, Class: token.Trouble, Message: evil},
				{Probe: token.AskHooks, Repository: evil, Status: 200, Class: token.OK, Accepted: evil + "=" + evil},
			},
			Reach: &token.Reach{Repositories: []token.Repository{{Name: evil, Private: true}}},
		}
		r := report.JudgeToken(need, o, "test").Report()
		if len(r.Findings) < 4 || len(r.Gaps) == 0 {
			t.Fatalf("%s: %+v", kind, r)
		}
		var shown, page, document bytes.Buffer
		if err := report.Text(&shown, r, text.Style{}); err != nil {
			t.Fatal(err)
		}
		if err := report.Markdown(&page, r); err != nil {
			t.Fatal(err)
		}
		if err := report.JSON(&document, r); err != nil {
			t.Fatal(err)
		}
		for name, out := range map[string]string{"text": shown.String(), "markdown": page.String(), "json": document.String()} {
			if strings.ContainsAny(out, "\x1b\u202e") || strings.Contains(out, "\n::error") || name == "markdown" &&
				strings.ContainsAny(out, "<@") && strings.Contains(out, "<img") {
				t.Errorf("%s acts:\n%s", name, out)
			}
		}
		var again struct {
			Need         token.Need
			Observations token.Observations
			Findings     []finding.Finding
		}
		if err := json.Unmarshal(document.Bytes(), &again); err != nil {
			t.Fatal(err)
		}
		if got := token.Judge(again.Need, again.Observations).Findings; len(got) != len(again.Findings) {
			t.Errorf("%s: the report does not lead to its own findings: %+v", kind, got)
		}
	}
}
