package intake_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
)

// TestSignatureBurst runs the rule's two examples: requests, each with its time and whether
// it was signed right.
func TestSignatureBurst(t *testing.T) {
	rule, _ := finding.Lookup("delivery/signature-burst")
	told := func(example *txtar.Archive) (lines []string) {
		var log bytes.Buffer
		now := time.Time{}
		kept := &memory{}
		h := handler(t, intake.Options{Ledger: kept, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now }})
		for line := range strings.Lines(string(example.Files[0].Data)) {
			at, how, _ := strings.Cut(strings.TrimSpace(line), " ")
			var err error
			if now, err = time.Parse(time.RFC3339, at); err != nil {
				t.Fatal(err)
			}
			r := delivery("x", anyGUID, []byte("{}"))
			if how == "wrong" {
				r.Header.Set("X-Hub-Signature-256", sign("another key", []byte("{}")))
			}
			answer(h, r)
		}
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "rule="+rule.Name) {
				lines = append(lines, line)
			}
		}
		return lines
	}
	got := told(rule.Refused)
	if len(got) != 1 || !strings.Contains(got[0], "severity="+string(rule.Severity)) || !strings.Contains(got[0], "hint=") {
		t.Errorf("the refused example gives %q", got)
	}
	if got := told(rule.Allowed); len(got) > 0 {
		t.Errorf("the allowed example gives %q", got)
	}
	again := &txtar.Archive{Files: []txtar.File{{Data: bytes.ReplaceAll(rule.Refused.Files[0].Data, []byte("T08:00"), []byte("T08:01"))}}}
	again.Files[0].Data = slices.Concat(rule.Refused.Files[0].Data, rule.Refused.Files[0].Data, again.Files[0].Data)
	if got := told(again); len(got) != 2 {
		t.Errorf("two minutes, the first with more than one burst, give %q", got)
	}
}
