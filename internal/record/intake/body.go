package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// smallBody is what every request may fill unasked: most deliveries fit.
	smallBody = 32 << 10
	// mediumBody is the greatest body that never waits behind larger ones.
	mediumBody = 1 << 20
)

// stage is a step in a body's growth: its size in bytes, and the quota that all
// bodies at this stage share.
type stage struct {
	size  int64
	quota *semaphore.Weighted
}

// bodies share out the memory of bodies in flight. Every body starts with the
// small quota. Only when it has really sent as much as its stage holds does it move on
// to the next, and gives up what it held: a promise costs nothing, and holding
// much needs sending much. Bodies wait for the next stage only and none goes
// back, so nothing can stand still; and bodies that say that they are of medium
// size never share a quota with larger ones, or with those that say nothing.
type bodies struct {
	medium, large []stage
	max           int64
	buffers       sync.Pool // for the first stage
}

// newBodies divides the budget into 32 parts.
func newBodies(budget, maxBody int64) (*bodies, error) {
	if maxBody < 1 {
		return nil, errors.New("set limits: the greatest body must have at least 1 byte")
	}
	least := int64(0)
	part := func(n, size int64) stage {
		size = min(size, max(maxBody+1, smallBody))
		least = max(least, (size+n-1)/n*32)
		return stage{size, semaphore.NewWeighted(budget / 32 * n)}
	}
	small := part(16, smallBody)
	s := &bodies{
		medium: []stage{small, part(2, mediumBody/4), part(3, mediumBody)},
		large:  []stage{small, part(2, mediumBody), part(2, 6*mediumBody), part(7, maxBody+1)},
		max:    maxBody,
	}
	s.buffers.New = func() any { return new([smallBody]byte) }
	if budget < least {
		return nil, fmt.Errorf("set limits: %d bytes for all bodies do not suffice where one may have %d; allow %d or more",
			budget, maxBody, least)
	}
	return s, nil
}

// body is a body that was read, and what it holds of the quotas.
type body struct {
	bytes  []byte
	from   *bodies
	buffer *[smallBody]byte
	quota  *semaphore.Weighted
	held   int64
}

// read reads a body of the given length, or of an unknown one (-1), and waits
// for its quota until the given time. The body is to be released, whatever the
// reason says ("" if all is well).
func (s *bodies) read(from io.Reader, length int64, until time.Time) (*body, Reason) {
	b := &body{from: s}
	stages, limit := s.large, length
	if length < 0 {
		limit = s.max + 1
	} else if length <= mediumBody {
		stages = s.medium
	}
	for _, stage := range stages {
		size := min(stage.size, limit)
		if !b.move(stage.quota, size, until) {
			return b, Busy
		}
		ended, err := b.grow(from, size)
		if err != nil {
			return b, Cut
		}
		if ended || size == limit {
			break
		}
	}
	switch {
	case int64(len(b.bytes)) > s.max:
		return b, TooLarge
	case len(b.bytes) == 0:
		return b, Empty
	}
	return b, ""
}

// move gives the body a quota of size bytes in place of what it holds. Of the
// small quota everybody takes the same, a whole buffer.
func (b *body) move(quota *semaphore.Weighted, size int64, until time.Time) bool {
	size = max(size, smallBody)
	if !quota.TryAcquire(size) {
		ctx, cancel := context.WithDeadline(context.Background(), until)
		defer cancel()
		if quota.Acquire(ctx, size) != nil {
			return false
		}
	}
	if b.quota != nil {
		b.quota.Release(b.held)
	}
	b.quota, b.held = quota, size
	return true
}

// grow reads on until the body has size bytes.
func (b *body) grow(from io.Reader, size int64) (ended bool, err error) {
	var larger []byte
	if size <= smallBody {
		b.buffer = b.from.buffers.Get().(*[smallBody]byte)
		larger = b.buffer[:size]
	} else {
		larger = make([]byte, size)
	}
	n := copy(larger, b.bytes)
	if size > smallBody {
		b.putBuffer()
	}
	more, ended, err := fill(from, larger[n:])
	b.bytes = larger[:n+more]
	return ended, err
}

// fill reads until the buffer is full, the end or an error.
func fill(from io.Reader, buffer []byte) (n int, ended bool, err error) {
	for n < len(buffer) {
		more, err := from.Read(buffer[n:])
		n += more
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

func (b *body) putBuffer() {
	if b.buffer != nil {
		b.from.buffers.Put(b.buffer)
		b.buffer = nil
	}
}

// release gives back what the body holds; its bytes are not to be used again.
func (b *body) release() {
	b.bytes = nil
	b.putBuffer()
	if b.quota != nil {
		b.quota.Release(b.held)
		b.quota = nil
	}
}
