package report

import (
	"io"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// JSON writes the report for programs; docs/*.schema.json have its forms.
func JSON(w io.Writer, r Report) error { return text.JSON(w, r.Document) }
