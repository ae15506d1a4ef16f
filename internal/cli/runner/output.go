package runner

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf16"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

const (
	// maxOutputs is the limit of all outputs of a job, in UTF-16 units: GitHub
	// allows 1 MB and counts two bytes each.
	maxOutputs = 1_000_000 / 2
	// maxSummary is the limit of a step's summary, in bytes. GitHub drops the
	// whole of a longer one.
	maxSummary = 1 << 20
)

var outputName = pattern.Lazy(`^[a-z][a-z0-9-]*$`)

// ErrFull says that an output was not set since GitHub would keep none of them.
var ErrFull = errors.New("all outputs together are longer than the 1 MB that GitHub keeps")

// Output sets an output of the step. The end of the value is marked by a
// random word, so that no value can set another output.
func (r *Runner) Output(name, value string) error {
	if !outputName().MatchString(name) {
		return fmt.Errorf("set output %q: not a name", name)
	}
	size := len(name) + len(utf16.Encode([]rune(value)))
	if r.outputs+size > maxOutputs {
		return fmt.Errorf("set output %s: %w", name, ErrFull)
	}
	end := "end_" + rand.Text()
	if strings.Contains(value, end) {
		return fmt.Errorf("set output %s: the value holds its own end mark", name)
	}
	if err := r.appendTo("GITHUB_OUTPUT", name+"<<"+end+"\n"+value+"\n"+end+"\n"); err != nil {
		return fmt.Errorf("set output %s: %w", name, err)
	}
	r.outputs += size
	return nil
}

// Summary adds Markdown to the step's summary. Where the summary is full, it is
// cut at a line, and says so.
func (r *Runner) Summary(markdown string) error {
	taken := int64(0)
	if path, _ := r.env("GITHUB_STEP_SUMMARY"); path != "" {
		if info, err := os.Stat(path); err == nil {
			taken = info.Size()
		}
	}
	text := fit(strings.TrimSuffix(markdown, "\n")+"\n", maxSummary-int(min(taken, maxSummary)))
	if text == "" {
		return errors.New("write summary: the step's summary is full")
	}
	if err := r.appendTo("GITHUB_STEP_SUMMARY", text); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// fit cuts text at the end of a line to at most limit bytes and says what it
// left out. It gives nothing where not even that fits.
func fit(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const note = "\n\n*The summary is longer than GitHub shows: %d of %d bytes are left out.*\n"
	limit -= len(note) + 20 // digits of both numbers
	if limit < 0 {
		return ""
	}
	kept := text[:strings.LastIndexByte(text[:limit], '\n')+1]
	return kept + fmt.Sprintf(note, len(text)-len(kept), len(text))
}

// errNoFile says that a file of the runner is missing.
var errNoFile = errors.New("is not set: this does not run as a step of a workflow")

// appendTo adds text to the file that the environment names. The SDK would
// panic where there is none.
func (r *Runner) appendTo(name, text string) error {
	path, _ := r.env(name)
	if path == "" {
		return fmt.Errorf("%s %w", name, errNoFile)
	}
	// Without O_CREATE: the runner made the file, and reads no other.
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = io.WriteString(file, text)
	return errors.Join(err, file.Close())
}
