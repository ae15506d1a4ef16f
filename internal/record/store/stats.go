package store

import "time"

// Observer is told what the writer does, for metrics. One goroutine calls its
// methods, which must not block.
type Observer interface {
	// Committed is called after each durable batch, with how many entries it had,
	// duplicates among them, and how long the transaction took.
	Committed(entries int, took time.Duration)
	// CommitFailed is called after each try to commit that failed.
	CommitFailed()
}

type nobody struct{}

func (nobody) Committed(int, time.Duration) {}
func (nobody) CommitFailed()                {}

// Stats is the state of the writer of this process.
type Stats struct {
	// Size is how many entries the ledger had when this process last wrote to it.
	Size int64
	// Queued is how many entries wait, QueuedBytes how many bytes of bodies they
	// hold as they are stored.
	Queued      int
	QueuedBytes int64
	// Broken is why nothing is taken at the moment, or nil.
	Broken error
}

// Stats tells how the writer does. It asks no database.
func (l *Ledger) Stats() Stats {
	s := Stats{
		Size: l.size.Load(), Queued: int(l.queued.Load()), QueuedBytes: l.queuedBytes.Load(),
	}
	if cause := l.broken.Load(); cause != nil {
		s.Broken = *cause
	}
	return s
}
