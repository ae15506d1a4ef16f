package report_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// TestLongLines: a thousand findings in one line cost their own words, and not the
// line's length each.
func TestLongLines(t *testing.T) {
	for _, format := range []string{"text", "json", "markdown", "sarif"} {
		t.Run(format, func(t *testing.T) {
			const short, long = 64 << 10, 256 << 10
			written(t, format, short, 1) // what is made once
			few := written(t, format, long, 10)
			for _, size := range []int{short, long} {
				if many := written(t, format, size, 1000); many > few+1000*(20<<10) {
					t.Errorf("a thousand findings in a line of %d bytes take %d bytes of memory, and ten in one of %d take %d", size, many, long, few)
				}
			}
			if before, after := written(t, format, short, 1000), written(t, format, long, 1000); after > 5*before {
				t.Errorf("they take %d bytes of memory, and in a line four times as long %d", before, after)
			}
		})
	}
}

// A place beyond the end of its line is shown at its end.
func TestPlaceBeyondTheLine(t *testing.T) {
	var out strings.Builder
	r := report.Change{
		Result: gate.Result{Answer: finding.Answer{Findings: []finding.Finding{
			{Rule: "yaml/bidi", Severity: finding.Error, Message: "odd", Place: finding.Place{File: "a.yaml", Line: 1, Column: 5000}},
		}}},
		Source: func(string) []byte { return []byte("a: b\n") },
	}.Report()
	if err := r.Write(&out, "text", text.Style{}); err != nil || !strings.Contains(out.String(), "1 | a: b\n  |     ^") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// written is how many bytes of memory it takes to show so many findings in one line.
func written(t *testing.T, format string, size, findings int) uint64 {
	line := []byte(strings.Repeat("a: \u200b{b: c}, ", size/12))
	var result gate.Result
	for i := range findings {
		result.Findings = append(result.Findings, finding.Finding{
			Rule:     []string{"yaml/invisible", "yaml/bidi", "yaml/control", "yaml/line-break"}[i%4],
			Severity: finding.Error, Message: fmt.Sprint("oddity ", i),
			Place: finding.Place{File: "a.yaml", Line: 1, Column: 1 + i*size/12/findings},
		})
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := report.Change{Result: result, Source: func(string) []byte { return line }}.Report()
	if err := r.Write(io.Discard, format, text.Style{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
