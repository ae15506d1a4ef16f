package store

import "time"

// Observer is told what the writer does, for metrics. Its methods are called by
// one goroutine at a time each, and must not block.
type Observer interface {
	// Committed is called after each durable batch, with how many entries were
	// new, how many were there before, the stored bytes of their bodies, and how
	// long the transaction took.
	Committed(entries, duplicates int, bytes int64, took time.Duration)
	// Failed is called after each batch that was not kept; again says that it
	// will be tried again.
	Failed(err error, again bool)
	// Checkpointed is called after a log file was moved into the database proper
	// (SQLite only), with how long that took.
	Checkpointed(took time.Duration)
}

type nobody struct{}

func (nobody) Committed(int, int, int64, time.Duration) {}
func (nobody) Failed(error, bool)                       {}
func (nobody) Checkpointed(time.Duration)               {}

// Stats is the state of the writer of this process.
type Stats struct {
	// Size is how many entries the ledger had when this process last wrote to it.
	Size int64
	// Queued is how many entries wait, QueuedBytes how many bytes of bodies they
	// hold as they are stored.
	Queued      int
	QueuedBytes int64
	// Committed is when something was last durable, by this machine's clock.
	Committed time.Time
	// Broken is why nothing is taken at the moment, or nil.
	Broken error
}

// Stats tells how the writer does. It asks no database.
func (l *Ledger) Stats() Stats {
	s := Stats{
		Size: l.size.Load(), Queued: len(l.queue), QueuedBytes: l.queuedBytes.Load(),
		Committed: time.UnixMicro(l.committed.Load()).UTC(),
	}
	if cause := l.broken.Load(); cause != nil {
		s.Broken = *cause
	}
	return s
}
