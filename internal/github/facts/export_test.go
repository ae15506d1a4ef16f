package facts

import (
	"io"
	"time"
)

// MaxSingle bounds the files that are read one by one.
const MaxSingle = maxSingle

// Bound gives the reader other bounds of an archive.
func (r *Reader) Bound(packed, unpacked int64, d time.Duration) {
	r.archive = bounds{packed, unpacked, d}
}

// Unpack reads an archive within bounds.
func Unpack(body io.Reader, missing map[string]bool, packed, unpacked int64) (map[string][]byte, error) {
	return unpack(body, missing, bounds{packed: packed, unpacked: unpacked})
}
