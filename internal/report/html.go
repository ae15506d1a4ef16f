package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

//go:embed report.html
var page string

// HTML writes the report as one file, which loads nothing and runs nothing.
func HTML(w io.Writer, r Report) error {
	severity := func(s finding.Severity) string { // a class is ours
		if slices.Contains(finding.Severities(), s) {
			return string(s)
		}
		return ""
	}
	t, err := template.New("report").Funcs(template.FuncMap{
		"plain": text.Plain, "url": RuleURL, "place": place, "known": isRule, "severity": severity, "mark": func(p text.Paint) string {
			return map[text.Paint]string{text.Red: "error", text.Yellow: "warning", text.Green: "good"}[p]
		},
		"cut": func(s string) string { return text.Cut(text.Plain(s), maxMessage) },
	}).Parse(page)
	if err == nil {
		err = t.Execute(w, struct {
			Report
			Shown []finding.Finding
		}{r, r.shown()})
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
