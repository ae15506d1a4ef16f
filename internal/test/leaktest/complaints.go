package leaktest

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// Complaints stands in for a test of which it is known that it fails: it shows that
// the search finds what was planted.
type Complaints struct {
	testing.TB // of which nothing else is called
	// On is the test that plants.
	On       testing.TB
	texts    []string
	cleanups []func()
}

// Helper does nothing.
func (c *Complaints) Helper() {}

// Context is the planting test's.
func (c *Complaints) Context() context.Context { return c.On.Context() }

// Errorf keeps a complaint.
func (c *Complaints) Errorf(format string, args ...any) {
	c.texts = append(c.texts, fmt.Sprintf(format, args...))
}

// Cleanup keeps what is to be done at the end.
func (c *Complaints) Cleanup(do func()) { c.cleanups = append(c.cleanups, do) }

// Expect ends the test that is stood in for, and fails the one that plants unless
// the complaints are these, in any order, and hold no secret themselves.
func (c *Complaints) Expect(wants ...string) {
	c.On.Helper()
	for _, do := range c.cleanups {
		do()
	}
	text := strings.Join(c.texts, "\n")
	if len(Find([]byte(text))) > 0 {
		c.On.Errorf("a complaint shows the secret")
	}
	if len(c.texts) != len(wants) {
		c.On.Errorf("%d complaints, want %d:\n%s", len(c.texts), len(wants), Redact(text))
	}
	for _, want := range wants {
		if !strings.Contains(text, want) {
			c.On.Errorf("no %q in\n%s", want, Redact(text))
		}
	}
}
