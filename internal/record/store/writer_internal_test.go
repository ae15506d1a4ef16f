package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

// recovering is an engine whose recovery fails with each of these causes, and notes
// what is said of the outage meanwhile.
type recovering struct {
	engine
	causes []error
	said   []*error
	ledger *Ledger
}

func (m *recovering) recover(context.Context) error {
	m.said = append(m.said, m.ledger.broken.Load())
	if len(m.said) > len(m.causes) {
		return nil
	}
	return m.causes[len(m.said)-1]
}

func (m *recovering) probe(context.Context) error { return nil }

// TestCauseStaysAsItWasRead: who waits or asks reads the cause while the writer
// tries to recover, and must not find another one half written over it.
func TestCauseStaysAsItWasRead(t *testing.T) {
	first, second, third := errors.New("first"), errors.New("second"), errors.New("third")
	o := withDefaults(Options{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	m := &recovering{causes: []error{second, third}}
	m.ledger = &Ledger{o: o, engine: m, outage: newOutage(o)}
	m.ledger.recover(t.Context(), first)
	for i, want := range []error{first, second, third} {
		if got := *m.said[i]; got != want {
			t.Errorf("cause %d became %q after it was read, was %q", i+1, got, want)
		}
	}
	if m.ledger.Stats().Broken != nil {
		t.Errorf("recovered, and still broken: %v", m.ledger.Stats().Broken)
	}
}
