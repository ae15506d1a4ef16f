package powercut

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// sector is what a disk writes wholly or not at all, in bytes.
const sector = 512

// Image is what is on the disk: names and contents.
type Image map[string][]byte

// change is a write at an offset, or a truncation to it.
type change struct {
	at       int64
	data     []byte
	truncate bool
}

// file is one file as programs see it, as it is on the disk, and the way from
// the latter to the former.
type file struct {
	seen, disk []byte
	loose      []change
}

func (c change) apply(b []byte) []byte {
	end := c.at + int64(len(c.data))
	if c.truncate && end < int64(len(b)) {
		return b[:end]
	}
	if more := end - int64(len(b)); more > 0 {
		b = append(b, make([]byte, more)...)
	}
	copy(b[c.at:], c.data)
	return b
}

// change makes a change that is not yet on the disk.
func (f *file) change(c change) {
	f.seen = c.apply(f.seen)
	f.loose = append(f.loose, c)
}

// sync brings all changes to the disk.
func (f *file) sync() {
	for _, c := range f.loose {
		f.disk = c.apply(f.disk)
	}
	f.loose = nil
}

// settle lets chance decide which changes reached the disk, and forgets the
// others, as a power cut and a failed fsync do.
func (f *file) settle(r *rand.Rand) {
	for len(f.loose) > 0 {
		if f.loose[0].truncate {
			if r.IntN(2) == 0 {
				f.disk = f.loose[0].apply(f.disk)
			}
			f.loose = f.loose[1:]
			continue
		}
		n := slices.IndexFunc(f.loose, func(c change) bool { return c.truncate })
		if n < 0 {
			n = len(f.loose)
		}
		writes := f.loose[:n]
		r.Shuffle(n, func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
		for _, c := range writes {
			for _, part := range tear(c, r) {
				f.disk = part.apply(f.disk)
			}
		}
		f.loose = f.loose[n:]
	}
	f.loose = nil
}

// forget makes programs see what is on the disk. The size stays, and what the
// disk never had is zero.
func (f *file) forget() {
	size := len(f.seen)
	f.seen = append(f.seen[:0], f.disk[:min(size, len(f.disk))]...)
	f.seen = append(f.seen, make([]byte, size-len(f.seen))...)
}

// tear gives what is left of a write: all, nothing, or some of its sectors.
func tear(c change, r *rand.Rand) []change {
	switch r.IntN(3) {
	case 0:
		return nil
	case 1:
		return []change{c}
	}
	var parts []change
	for data, at := c.data, c.at; len(data) > 0; {
		n := min(sector-at%sector, int64(len(data)))
		if r.IntN(2) == 0 {
			parts = append(parts, change{at: at, data: data[:n]})
		}
		data, at = data[n:], at+n
	}
	return parts
}

// naming is a step in the directory: file gets the name to and loses the name
// from; an empty name is none.
type naming struct {
	file     *file
	from, to string
}

// directory is what the disk knows of the names, and the steps it does not yet
// know.
type directory struct {
	disk  map[string]*file
	loose []naming
}

func (d *directory) apply(n naming) {
	if n.from != "" && d.disk[n.from] == n.file {
		delete(d.disk, n.from)
	}
	if n.to != "" {
		d.disk[n.to] = n.file
	}
}

func (d *directory) sync() {
	for _, n := range d.loose {
		d.apply(n)
	}
	d.loose = nil
}

func (d *directory) settle(r *rand.Rand) {
	d.loose = slices.DeleteFunc(d.loose, func(naming) bool { return r.IntN(2) == 0 })
	d.sync()
}

// cut lets chance decide about everything that is loose and gives the rest.
func (d *directory) cut(r *rand.Rand) Image {
	d.settle(r)
	image := Image{}
	for _, name := range slices.Sorted(maps.Keys(d.disk)) {
		f := d.disk[name]
		f.settle(r)
		image[name] = append([]byte{}, f.disk...)
	}
	return image
}
