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
	smallBody = 64 << 10
	// mediumBody is the greatest body that need not wait behind huge ones.
	mediumBody = 1 << 20
)

// rooms share out the memory of bodies in flight. Each body starts in the small
// room; one that outgrows it, having really sent that much, moves on to the
// medium or the large room with all that it may still need. Nobody who holds a
// part of the medium or the large room ever waits for more, so nothing can
// stand still, and huge or slow bodies never take the small ones' room.
type rooms struct {
	small, medium, large *semaphore.Weighted
	max                  int64
	buffers              sync.Pool
}

// newRooms divides the budget: half is for small bodies, an eighth for medium
// ones, the rest for large ones.
func newRooms(budget, maxBody int64) (*rooms, error) {
	large := budget - budget/2 - budget/8
	if maxBody < 1 {
		return nil, errors.New("set limits: the greatest body must have at least 1 byte")
	}
	if large < 2*(maxBody+1) || budget/8 < mediumBody {
		return nil, fmt.Errorf("set limits: %d bytes for all bodies do not suffice where one may have %d; allow %d or more",
			budget, maxBody, max(8*mediumBody, 6*(maxBody+1)))
	}
	s := &rooms{
		small: semaphore.NewWeighted(budget / 2), medium: semaphore.NewWeighted(budget / 8), large: semaphore.NewWeighted(large),
		max: maxBody,
	}
	s.buffers.New = func() any { return new([smallBody]byte) }
	return s, nil
}

// body is a body that was read, and what it holds of the rooms.
type body struct {
	bytes  []byte
	rooms  *rooms
	buffer *[smallBody]byte
	room   *semaphore.Weighted
	held   int64
}

// read reads a body of the given length, or of an unknown one (-1), and waits
// for room until the given time. The body is to be released, whatever the
// reason says ("" if all is well).
func (s *rooms) read(from io.Reader, length int64, until time.Time) (*body, Reason) {
	b := &body{rooms: s}
	if !b.enter(s.small, smallBody, until) {
		return b, Busy
	}
	b.buffer = s.buffers.Get().(*[smallBody]byte)
	first := b.buffer[:]
	if length >= 0 && length < smallBody {
		first = first[:length]
	}
	n, ended, err := fill(from, first)
	b.bytes = first[:n]
	if err == nil && !ended && length != int64(n) {
		if !b.move(length, until) {
			return b, Busy
		}
		err = b.grow(from, length)
	}
	switch {
	case err != nil:
		return b, Cut
	case int64(len(b.bytes)) > s.max:
		return b, TooLarge
	case len(b.bytes) == 0:
		return b, Empty
	}
	return b, ""
}

// move gives the body its part of the medium or the large room. Of a body of
// unknown length it is twice the greatest length, for it is copied as it grows.
func (b *body) move(length int64, until time.Time) bool {
	room, need := b.rooms.large, 2*(b.rooms.max+1)
	if length >= 0 {
		need = length
		if length <= mediumBody {
			room = b.rooms.medium
		}
	}
	if !acquire(room, need, until) {
		return false
	}
	b.rooms.small.Release(b.held)
	b.room, b.held = room, need
	return true
}

// grow reads on past the small room: a promised length is believed now, an
// unknown one is found by growing fourfold up to the limit.
func (b *body) grow(from io.Reader, length int64) error {
	limit := length
	if length < 0 {
		limit = b.rooms.max + 1
	}
	for int64(len(b.bytes)) < limit {
		size := limit
		if length < 0 {
			size = min(4*int64(len(b.bytes)), limit)
		}
		larger := make([]byte, size)
		n := copy(larger, b.bytes)
		b.putBuffer()
		more, ended, err := fill(from, larger[n:])
		b.bytes = larger[:n+more]
		if ended || err != nil {
			return err
		}
	}
	return nil
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

func (b *body) enter(room *semaphore.Weighted, need int64, until time.Time) bool {
	if !acquire(room, need, until) {
		return false
	}
	b.room, b.held = room, need
	return true
}

func acquire(room *semaphore.Weighted, need int64, until time.Time) bool {
	if room.TryAcquire(need) {
		return true
	}
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	return room.Acquire(ctx, need) == nil
}

func (b *body) putBuffer() {
	if b.buffer != nil {
		b.rooms.buffers.Put(b.buffer)
		b.buffer = nil
	}
}

// release gives back what the body holds; its bytes are not to be used again.
func (b *body) release() {
	b.bytes = nil
	b.putBuffer()
	if b.room != nil {
		b.room.Release(b.held)
		b.room = nil
	}
}
