package store

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Bounds of a line of an export: of what stands before the body, of the number of
// hashes in a path, which is no longer than a tree is high, and of a path in bytes.
const (
	maxLineHead = 32 << 10
	maxPath     = 64
	maxPathText = maxPath*64 + 1<<10
)

// lineReader reads an export piece by piece, and no more of a line than the line may
// have: who wrote it may not have been this program.
type lineReader struct {
	in            io.Reader
	json          *json.Decoder
	read, allowed int64 // bytes so far, and at the most
	broken        error // what the reader ended with, if it is not its end
}

func newLineReader(in io.Reader) *lineReader {
	r := &lineReader{in: in}
	r.json = json.NewDecoder(r)
	r.json.DisallowUnknownFields()
	r.json.UseNumber()
	return r
}

// Read is for the decoder.
func (r *lineReader) Read(p []byte) (int, error) {
	if r.read >= r.allowed {
		return 0, errors.New("it is longer than any line that is written")
	}
	n, err := r.in.Read(p[:min(int64(len(p)), r.allowed-r.read)])
	r.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.broken = err
	}
	return n, err
}

// allow lets so many bytes more be read than were understood.
func (r *lineReader) allow(more int64) { r.allowed = r.json.InputOffset() + more }

func (r *lineReader) header(into *exportHeader) error {
	r.allow(maxLineHead)
	return r.json.Decode(into)
}

// ended says that nothing follows.
func (r *lineReader) ended() bool {
	r.allow(maxLineHead)
	_, err := r.json.Token()
	return errors.Is(err, io.EOF)
}

// next reads the next line, its members in the order in which they are written.
func (r *lineReader) next() (line exportLine, e ledger.Entry, err error) {
	r.allow(maxLineHead)
	var index json.Number
	if err = r.want(json.Delim('{'), "index"); err == nil {
		err = r.value(&index)
	}
	if err == nil {
		err = r.want("leaf")
	}
	if err == nil {
		err = r.value(&line.Leaf)
	}
	if err != nil {
		return line, e, err
	}
	if line.Index, err = index.Int64(); err != nil {
		return line, e, errors.New("its index is no number of an entry")
	}
	if e, err = ledger.ParseLeaf([]byte(line.Leaf)); err != nil {
		return line, e, err
	}
	if e.BodySize > maxBody {
		return line, e, fmt.Errorf("its body has %d bytes, more than any that was taken", e.BodySize)
	}
	r.allow(int64(base64.StdEncoding.EncodedLen(int(e.BodySize))) + maxPathText)
	if line.Body, err = r.body(); err != nil {
		return line, e, err
	}
	err = r.want("path", json.Delim('['))
	for err == nil && r.json.More() {
		if len(line.Path) == maxPath {
			return line, e, errors.New("its path is longer than a tree is high")
		}
		var hash string
		err = r.value(&hash)
		line.Path = append(line.Path, hash)
	}
	if err == nil {
		err = r.want(json.Delim(']'), json.Delim('}'))
	}
	return line, e, err
}

// body is nil where it was erased.
func (r *lineReader) body() ([]byte, error) {
	if err := r.want("body"); err != nil {
		return nil, err
	}
	switch token, err := r.token(); text := token.(type) {
	case nil:
		return nil, err
	case string:
		body, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("its body is not base64")
		}
		return body, nil
	default:
		return nil, errors.New("its body is no text")
	}
}

func (r *lineReader) token() (json.Token, error) {
	token, err := r.json.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return token, err
}

// want reads what has to come next.
func (r *lineReader) want(all ...json.Token) error {
	for _, want := range all {
		token, err := r.token()
		if err != nil {
			return err
		}
		if token != want {
			return fmt.Errorf("it is not written as this version writes it: %q is missing", fmt.Sprint(want))
		}
	}
	return nil
}

// value reads a number or a text.
func (r *lineReader) value(into any) error {
	token, err := r.token()
	if err != nil {
		return err
	}
	ok := false
	switch into := into.(type) {
	case *json.Number:
		*into, ok = token.(json.Number)
	case *string:
		*into, ok = token.(string)
	}
	if !ok {
		return errors.New("it is not written as this version writes it")
	}
	return nil
}
