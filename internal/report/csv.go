package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// CSV writes the report's sheet for spreadsheets (RFC 4180). Cells show what they hold
// as Plain does, and none is taken for a formula.
func CSV(w io.Writer, r Report) error {
	var rows [][]string
	for _, row := range r.Sheet {
		rows = append(rows, text.Each(row, csvCell))
	}
	if err := csv.NewWriter(w).WriteAll(rows); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
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
