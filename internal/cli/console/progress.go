package console

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Progress tells a person at a terminal how far something is: first after two
// seconds, then about four times a second. For anybody else it is silent.
type Progress struct {
	mu         sync.Mutex
	out        *os.File // nil: silent
	what, unit string
	next       time.Time
	shown      bool
}

// Progress starts to tell how many of the unit are done, such as "verified 7 of
// 9 entries".
func (c *Console) Progress(what, unit string) *Progress {
	p := &Progress{what: what, unit: unit, next: time.Now().Add(2 * time.Second)}
	if file, ok := asTerminal(c.Stderr); ok {
		p.out = file
	}
	return p
}

// Set tells how far it is; a total of 0 is unknown.
func (p *Progress) Set(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil || time.Now().Before(p.next) {
		return
	}
	p.next, p.shown = time.Now().Add(250*time.Millisecond), true
	if total > 0 {
		fmt.Fprintf(p.out, "\r%s %d of %d %s (%d %%)\x1b[K", p.what, done, total, p.unit, done*100/total)
		return
	}
	fmt.Fprintf(p.out, "\r%s %d %s\x1b[K", p.what, done, p.unit)
}

// Reader tells how many bytes were read of what it reads.
func (p *Progress) Reader(in io.Reader) io.Reader { return &counted{in, p, 0} }

type counted struct {
	io.Reader
	progress *Progress
	done     int64
}

// Read tells how far it is with each piece.
func (c *counted) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	c.done += int64(n)
	c.progress.Set(c.done, 0)
	return n, err
}

// End takes the line away again.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.out = nil
}

// Trouble gives a function that tells of what is overcome by itself, such as a
// server that has to be asked again: each time to a person at a terminal, the first
// time only to anybody else, whose log it would fill.
func (c *Console) Trouble() func(what string) {
	_, terminal := asTerminal(c.Stderr)
	var mu sync.Mutex
	told := false
	return func(what string) {
		mu.Lock()
		defer mu.Unlock()
		if told && !terminal {
			return
		}
		told = true
		fmt.Fprintf(c.Stderr, "%s: note: %s\n", c.Name, OneLine(what))
	}
}
