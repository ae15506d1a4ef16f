package gitrepo

import (
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// maxObject bounds one object, in bytes. No file that Flux writes comes
	// near it; a larger one is refused before it is held in memory.
	maxObject = 32 << 20
	// maxChain bounds a chain of deltas; git writes at most 4,095.
	maxChain = 4096
	// cacheSize bounds what a reader keeps of packs for later deltas, in bytes.
	cacheSize = 16 << 20
)

// object is one object's type and content. The content is shared and must not
// be written to.
type object struct {
	kind plumbing.ObjectType
	data []byte
}

// reader reads objects. It is not safe for concurrent use; make one for each
// goroutine.
type reader struct {
	*objects
	last     *pack // where the last object was found: the best guess for the next
	input    window
	inflater io.ReadCloser
	cache    map[place]object
	cached   int // bytes
}

type place struct {
	pack   *pack
	offset int64
}

func newReader(o *objects) *reader {
	return &reader{objects: o, cache: map[place]object{}}
}

// read gives the object, held against its id: a repository's files are not
// trusted to hold what their names say. The hash detects SHA-1 collisions.
func (r *reader) read(id plumbing.Hash, want plumbing.ObjectType) (object, error) {
	got, err := r.readAny(id)
	if err != nil {
		return got, err
	}
	if got.kind != want && want != plumbing.AnyObject {
		return got, corrupt(id, "is a %s, not a %s", got.kind, want)
	}
	return got, nil
}

func (r *reader) readAny(id plumbing.Hash) (object, error) {
	got, err := r.find(id)
	if errors.Is(err, fs.ErrNotExist) {
		return got, missing(id)
	}
	if err != nil {
		return got, corrupt(id, "%w", err)
	}
	if plumbing.ComputeHash(got.kind, got.data) != id {
		return got, corrupt(id, "its content has another id")
	}
	return got, nil
}

// find gives the object without looking at its id; fs.ErrNotExist where there
// is none.
func (r *reader) find(id plumbing.Hash) (object, error) {
	if r.last != nil {
		if offset, ok, err := r.last.find(id); err != nil {
			return object{}, err
		} else if ok {
			return r.packed(r.last, offset)
		}
	}
	for _, p := range r.packs {
		if p == r.last {
			continue
		}
		if offset, ok, err := p.find(id); err != nil {
			return object{}, err
		} else if ok {
			r.last = p
			return r.packed(p, offset)
		}
	}
	return r.loose(id)
}

func (r *reader) loose(id plumbing.Hash) (object, error) {
	f, err := r.openLoose(id)
	if err != nil {
		return object{}, err
	}
	defer f.Close()
	loose, err := objfile.NewReader(f)
	if err != nil {
		return object{}, err
	}
	defer loose.Close()
	kind, size, err := loose.Header()
	if err != nil {
		return object{}, err
	}
	data, err := readExactly(loose, size)
	return object{kind, data}, err
}

// packed gives the object at an offset, its deltas applied.
func (r *reader) packed(p *pack, offset int64) (object, error) {
	type step struct {
		at    place
		delta []byte
	}
	var steps []step
	var base object
	for total := 0; ; {
		at := place{p, offset}
		if known, ok := r.cache[at]; ok {
			base = known
			break
		}
		got, below, err := r.entry(p, offset)
		if err != nil {
			return object{}, fmt.Errorf("pack entry at %d: %w", offset, err)
		}
		if below == 0 {
			base = got
			r.keep(at, base)
			break
		}
		if total += len(got.data); len(steps) == maxChain || total > 2*maxObject {
			return object{}, errors.New("chain of deltas is too long")
		}
		steps = append(steps, step{at, got.data})
		offset = below
	}
	for i := len(steps) - 1; i >= 0; i-- {
		data, err := patch(base.data, steps[i].delta)
		if err != nil {
			return object{}, fmt.Errorf("pack entry at %d: %w", steps[i].at.offset, err)
		}
		base.data = data
		r.keep(steps[i].at, base)
	}
	return base, nil
}

// keep remembers an object for the deltas that follow. Neighbours in a tree
// lie close together in a pack, so forgetting everything at once costs little.
func (r *reader) keep(at place, o object) {
	if r.cached += len(o.data); r.cached > cacheSize {
		clear(r.cache)
		r.cached = len(o.data)
	}
	r.cache[at] = o
}

// entry inflates one entry of a pack. Where it is a delta, below is the offset
// of what it is to be applied to.
func (r *reader) entry(p *pack, offset int64) (o object, below int64, err error) {
	r.input.seek(p, offset)
	c, err := r.input.ReadByte()
	if err != nil {
		return o, 0, err
	}
	o.kind = plumbing.ObjectType(c >> 4 & 7)
	size := int64(c & 15)
	for shift := 4; c&0x80 != 0; shift += 7 {
		if c, err = r.input.ReadByte(); err != nil {
			return o, 0, err
		}
		if shift > 32 {
			return o, 0, errors.New("its size is out of bounds")
		}
		size |= int64(c&0x7f) << shift
	}
	switch o.kind {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
	case plumbing.OFSDeltaObject, plumbing.REFDeltaObject:
		if below, err = r.below(p, offset, o.kind); err != nil {
			return o, 0, err
		}
	default:
		return o, 0, fmt.Errorf("unknown type %d", o.kind)
	}
	if r.inflater == nil {
		r.inflater, err = zlib.NewReader(&r.input)
	} else {
		err = r.inflater.(zlib.Resetter).Reset(&r.input, nil)
	}
	if err != nil {
		return o, 0, err
	}
	o.data, err = readExactly(r.inflater, size)
	return o, below, err
}

// below reads where the base of a delta is: always in the same pack.
func (r *reader) below(p *pack, offset int64, kind plumbing.ObjectType) (int64, error) {
	if kind == plumbing.REFDeltaObject {
		var id plumbing.Hash
		if _, err := io.ReadFull(&r.input, id[:]); err != nil {
			return 0, err
		}
		at, ok, err := p.find(id)
		if err == nil && (!ok || at == 0) {
			err = fmt.Errorf("delta of %s, which is not in the pack", id)
		}
		return at, err
	}
	c, err := r.input.ReadByte()
	back := int64(c & 0x7f)
	for err == nil && c&0x80 != 0 {
		if c, err = r.input.ReadByte(); back >= offset {
			break
		}
		back = (back+1)<<7 | int64(c&0x7f)
	}
	if err == nil && (back <= 0 || back >= offset) {
		err = errors.New("delta of something outside the pack")
	}
	return offset - back, err
}

func patch(base, delta []byte) ([]byte, error) {
	var size uint64
	rest := delta
	for range 2 { // the base's size, then the result's
		size = 0
		for shift := 0; ; shift += 7 {
			if len(rest) == 0 || shift > 35 {
				return nil, packfile.ErrInvalidDelta
			}
			c := rest[0]
			rest = rest[1:]
			size |= uint64(c&0x7f) << shift
			if c&0x80 == 0 {
				break
			}
		}
	}
	if size > maxObject {
		return nil, fmt.Errorf("%d bytes, more than the %d that are read", size, maxObject)
	}
	return packfile.PatchDelta(base, delta)
}

// readExactly reads size bytes and makes sure that no more follow.
func readExactly(from io.Reader, size int64) ([]byte, error) {
	if size < 0 || size > maxObject {
		return nil, fmt.Errorf("%d bytes, more than the %d that are read", size, maxObject)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(from, data); err != nil {
		return nil, err
	}
	// The stream's checksum is verified at its end.
	if n, err := io.ReadFull(from, make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, fmt.Errorf("not %d bytes as announced: %w", size, err)
	}
	return data, nil
}
