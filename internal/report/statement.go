package report

import (
	"fmt"
	"io"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// StatementText writes for people how complete the record is.
func StatementText(w io.Writer, s audit.Statement, style text.Style) error {
	p := &timelineText{Timeline: Timeline{Completeness: &s, Window: s.Window}, style: style}
	p.completeness()
	// In a timeline a blank line parts it from what stands above.
	if _, err := w.Write(p.out.Bytes()[1:]); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	return nil
}

// StatementJSON writes the same for programs, in the form of "completeness" in
// docs/timeline.schema.json.
func StatementJSON(w io.Writer, s audit.Statement) error {
	return text.JSON(w, Timeline{Completeness: &s}.documentCompleteness())
}
