package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
)

// pack is one pack file with its index. go-git decodes and hashes a whole
// index before the first lookup, and maps every offset of it at the first
// delta; a repository that Flux has written to for years has some hundred
// thousand objects of which a check needs a few dozen. So the index is read by
// the 256th part, on demand. Every object is held against its id afterwards,
// which is what makes the index's own checksum dispensable.
//
// A pack is safe for concurrent use.
type pack struct {
	index, data *os.File
	count       int64
	fanout      [256]uint32
	buckets     [256]atomic.Pointer[bucket]
}

// bucket holds the index's entries of one first byte.
type bucket struct{ names, offsets []byte }

const (
	hashSize    = 20
	indexHeader = 8
	indexNames  = indexHeader + 256*4
)

func openPack(indexPath string) (_ *pack, err error) {
	p := &pack{}
	defer func() {
		if err != nil {
			p.close()
			err = fmt.Errorf("open pack index %q: %w", indexPath, err)
		}
	}()
	if p.index, err = os.Open(indexPath); err != nil {
		return nil, err
	}
	if p.data, err = os.Open(strings.TrimSuffix(indexPath, ".idx") + ".pack"); err != nil {
		return nil, err
	}
	var head [indexNames]byte
	if _, err := io.ReadFull(p.index, head[:]); err != nil {
		return nil, err
	}
	if !bytes.Equal(head[:indexHeader], []byte("\xfftOc\x00\x00\x00\x02")) {
		return nil, errors.New("not an index of version 2")
	}
	var last uint32
	for i := range p.fanout {
		n := binary.BigEndian.Uint32(head[indexHeader+4*i:])
		if n < last {
			return nil, errors.New("malformed fan-out table")
		}
		p.fanout[i], last = n, n
	}
	p.count = int64(last)
	info, err := p.index.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < indexNames+p.count*(hashSize+4+4)+2*hashSize {
		return nil, errors.New("cut off")
	}
	return p, nil
}

func (p *pack) close() {
	for _, f := range []*os.File{p.index, p.data} {
		if f != nil {
			_ = f.Close() // read only
		}
	}
}

func (p *pack) bucket(first byte) (*bucket, error) {
	if b := p.buckets[first].Load(); b != nil {
		return b, nil
	}
	var from int64
	if first > 0 {
		from = int64(p.fanout[first-1])
	}
	n := int64(p.fanout[first]) - from
	b := &bucket{names: make([]byte, n*hashSize), offsets: make([]byte, n*4)}
	if _, err := p.index.ReadAt(b.names, indexNames+from*hashSize); err != nil {
		return nil, fmt.Errorf("read pack index: %w", err)
	}
	if _, err := p.index.ReadAt(b.offsets, indexNames+p.count*(hashSize+4)+from*4); err != nil {
		return nil, fmt.Errorf("read pack index: %w", err)
	}
	p.buckets[first].Store(b)
	return b, nil
}

// find gives the offset of an object in the pack, and whether it is there.
func (p *pack) find(id plumbing.Hash) (int64, bool, error) {
	b, err := p.bucket(id[0])
	if err != nil {
		return 0, false, err
	}
	n := len(b.offsets) / 4
	i := sort.Search(n, func(i int) bool { return bytes.Compare(b.names[i*hashSize:(i+1)*hashSize], id[:]) >= 0 })
	if i == n || !bytes.Equal(b.names[i*hashSize:(i+1)*hashSize], id[:]) {
		return 0, false, nil
	}
	offset := binary.BigEndian.Uint32(b.offsets[i*4:])
	if offset>>31 == 0 {
		return int64(offset), true, nil
	}
	var long [8]byte // packs over 2 GiB keep the offset in a table of its own
	at := indexNames + p.count*(hashSize+4+4) + int64(offset&^(1<<31))*8
	if _, err := p.index.ReadAt(long[:], at); err != nil {
		return 0, false, fmt.Errorf("read pack index: %w", err)
	}
	return int64(binary.BigEndian.Uint64(long[:]) &^ (1 << 63)), true, nil
}

// withPrefix gives the ids in the pack that begin with the hex digits.
func (p *pack) withPrefix(first byte, hex string) ([]plumbing.Hash, error) {
	b, err := p.bucket(first)
	if err != nil {
		return nil, err
	}
	var ids []plumbing.Hash
	for names := b.names; len(names) > 0; names = names[hashSize:] {
		if id := plumbing.Hash(names[:hashSize]); strings.HasPrefix(id.String(), hex) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
