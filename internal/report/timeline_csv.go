package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// TimelineCSV writes a timeline for spreadsheets (RFC 4180), a line for each
// alert, each use, each finding, each reason for doubt, and each thing that is missing; the
// first column says which. Cells show what they hold as Plain does, and none is
// taken for a formula.
func TimelineCSV(w io.Writer, t Timeline) error {
	out := csv.NewWriter(w)
	rows := [][]string{{
		"kind", "index", "time", "event", "repository", "repository_id", "ref", "commit", "number", "subject",
		"login", "account_id", "attribution", "severity", "rule", "text", "also",
	}}
	for _, a := range t.Alerts {
		row := make([]string, len(rows[0]))
		row[0], row[13], row[14], row[15] = "alert", string(a.Severity), a.Rule, a.Message
		rows = append(rows, row)
	}
	for _, u := range t.Audit.Uses {
		rows = append(rows, []string{
			"use", strconv.FormatInt(u.Index, 10), stamp(u.Time), shownEvent(u.Event, u.Action), u.Repository.Name, idOrNone(u.Repository.ID),
			u.Ref, u.Commit, idOrNone(u.Number), u.Subject, u.Who.Login, idOrNone(u.Who.ID), string(u.Attribution), "", "", strings.Join(u.Why, ", "), joined(u.Also),
		})
	}
	for _, f := range t.Audit.Findings {
		row := make([]string, len(rows[0]))
		row[0], row[1], row[13], row[14], row[15] = "finding", strconv.FormatInt(f.Index, 10), string(f.Severity), f.Rule, f.Message
		rows = append(rows, row)
	}
	for _, gap := range t.Audit.Gaps {
		row := make([]string, len(rows[0]))
		row[0], row[15] = "undecided", gap
		rows = append(rows, row)
	}
	for _, l := range t.lines() {
		row := make([]string, len(rows[0]))
		row[0], row[2], row[3], row[4], row[6], row[15] = l.Kind, stamp(l.Time), l.Event, l.Repository, l.Ref, l.Text
		rows = append(rows, row)
	}
	for _, row := range rows {
		for i, cell := range row {
			row[i] = csvCell(cell)
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// stamp is a time as programs read it; empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// csvCell makes a cell that spreadsheets take for text: one that begins like a
// formula gets an apostrophe
// (https://owasp.org/www-community/attacks/CSV_Injection). Blanks do not save
// it: some programs trim them.
func csvCell(s string) string {
	s = text.Plain(s)
	if rest := strings.TrimLeft(s, ` "'`); rest != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(rest)[0]) {
		return "'" + s
	}
	return s
}
