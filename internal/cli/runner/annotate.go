package runner

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

const (
	// maxAnnotations is how many a runner shows of each kind and step.
	maxAnnotations = 10
	// maxAnnotation is where a runner cuts a message, in UTF-16 units.
	maxAnnotation = 4096
)

// Annotate prints findings as annotations of the workflow run, gravest first:
// ten of each kind, which is what a runner shows, and says how many it left out.
func (r *Runner) Annotate(findings []finding.Finding) error {
	shown := map[string]int{}
	left := 0
	for _, f := range finding.Sort(slices.Clone(findings)) {
		kind := cmp.Or(map[finding.Severity]string{finding.Warning: "warning", finding.Note: "notice"}[f.Severity], "error")
		if shown[kind] == maxAnnotations {
			left++
			continue
		}
		shown[kind]++
		if _, err := io.WriteString(r.out, annotation(kind, f)); err != nil {
			return err
		}
	}
	if left > 0 {
		if err := r.Log(fmt.Sprintf("%d more findings are in the report; a step shows ten annotations of each kind", left)); err != nil {
			return err
		}
	}
	return r.out.failure("annotate")
}

// annotationKind is the command of a severity. One that is not known is shown
// as the gravest.
// annotation is one line. All of its text is outside text.
func annotation(kind string, f finding.Finding) string {
	var at []string
	if f.File != "" {
		at = append(at, "file="+text.Property(f.File))
		if f.Line > 0 {
			at = append(at, fmt.Sprintf("line=%d", f.Line))
			if f.Column > 0 {
				at = append(at, fmt.Sprintf("col=%d", f.Column))
			}
		}
	}
	at = append(at, "title="+text.Property("fluxkeeper: "+f.Rule))
	message := f.Message
	if f.Hint != "" {
		message += "\nhint: " + f.Hint
	}
	return "::" + kind + " " + strings.Join(at, ",") + "::" + shortCommand(message) + "\n"
}

// shortCommand is text.Command of text, or of as much of it as a runner keeps
// of what it decodes.
func shortCommand(message string) string {
	for most := maxAnnotation; ; most /= 2 {
		short := text.CutUTF16(message, most)
		data := text.Command(short)
		if text.UnitsUTF16(strings.NewReplacer("%0A", "\n", "%25", "%").Replace(data)) <= maxAnnotation {
			return data
		}
	}
}
