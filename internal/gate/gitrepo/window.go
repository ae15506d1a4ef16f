package gitrepo

import "io"

const windowSize = 16 << 10 // bytes; a power of two

// window reads a pack through a buffer that stays where it is while the
// objects asked for lie in it: what a tree names together, git packs together.
type window struct {
	pack       *pack
	start      int64 // offset in the pack of buffer[0]
	next, size int
	buffer     [windowSize]byte
}

func (w *window) seek(p *pack, offset int64) {
	if p == w.pack && offset >= w.start && offset < w.start+int64(w.size) {
		w.next = int(offset - w.start)
		return
	}
	block := offset &^ (windowSize - 1)
	w.pack, w.start, w.next, w.size = p, block, int(offset-block), 0
}

func (w *window) fill() error {
	if w.size > 0 {
		w.start += int64(w.size)
		w.next, w.size = 0, 0
	}
	n, err := w.pack.data.ReadAt(w.buffer[:], w.start)
	if n > w.next {
		w.size = n
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF // an object ends before its pack does
	}
	return err
}

// ReadByte is what keeps flate from reading ahead of an object.
func (w *window) ReadByte() (byte, error) {
	if w.next >= w.size {
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	w.next++
	return w.buffer[w.next-1], nil
}

// Read gives what is in the buffer, and fills it only when that is used up.
func (w *window) Read(into []byte) (int, error) {
	if w.next >= w.size {
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(into, w.buffer[w.next:w.size])
	w.next += n
	return n, nil
}
