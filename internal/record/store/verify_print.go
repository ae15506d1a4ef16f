package store

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Verdict is what the faults and gaps make of the ledger.
func (v Verification) Verdict() finding.Verdict {
	switch {
	case !v.OK():
		return finding.Fail
	case len(v.Gaps) > 0:
		return finding.Undecided
	}
	return finding.Pass
}

// Print writes for a person what was found.
func (v Verification) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	switch v.Verdict() {
	case finding.Fail:
		fmt.Fprintf(table, "FAIL\t%s\n", text.Count(int(v.Count), "fault"))
	case finding.Undecided:
		fmt.Fprintf(table, "UNDECIDED\t%s\n", text.Count(len(v.Gaps), "gap"))
	default:
		fmt.Fprintln(table, "OK\tnothing was altered, removed, added or cut off")
	}
	fmt.Fprintf(table, "entries\t%d\n", v.Size)
	fmt.Fprintf(table, "bodies\t%d, %d bytes; %d erased\n", v.Bodies, v.Bytes, v.Erased)
	if v.Signatures > 0 {
		fmt.Fprintf(table, "signatures\t%d\n", v.Signatures)
	}
	fmt.Fprintf(table, "root\t%s\n", v.Root)
	fmt.Fprintf(table, "key\t%s\n", text.Line(v.PublicKey))
	for _, gap := range v.Gaps {
		fmt.Fprintf(table, "gap\t%s\n", text.Line(gap))
	}
	for _, note := range v.Notes {
		fmt.Fprintf(table, "note\t%s\n", text.Line(note))
	}
	if len(v.Faults) > 0 {
		fmt.Fprintln(table, "\nENTRY\tFAULT\tWHAT")
	}
	for _, f := range v.Faults {
		index := "-"
		if f.Index >= 0 {
			index = strconv.FormatInt(f.Index, 10)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", index, f.Kind, text.Line(f.Message))
	}
	if more := v.Count - int64(len(v.Faults)); more > 0 {
		fmt.Fprintf(table, "\t\tand %d more\n", more)
	}
	return table.Flush()
}
