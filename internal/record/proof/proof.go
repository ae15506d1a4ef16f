package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Inclusion says that the entry with this leaf stands at Index in the tree of
// the checkpoint.
type Inclusion struct {
	// Leaf is the entry as the tree knows it, to the byte.
	Leaf string `json:"leaf"`
	// Index is the entry's position, counted from 0.
	Index int64 `json:"index"`
	// Path holds the hashes beside the way from the leaf to the root, lowest
	// first, in base64 (RFC 6962, 2.1.1).
	Path []string `json:"path"`
	// Checkpoint is the signed note with the size and root of the tree
	// (https://c2sp.org/tlog-checkpoint).
	Checkpoint string `json:"checkpoint"`
}

// Verify checks the checkpoint's signature with the public key ("name+hash+data")
// and the way from the leaf to its root.
func (p Inclusion) Verify(public string) error {
	size, root, err := openCheckpoint(p.Checkpoint, strings.TrimSpace(public))
	if err != nil {
		return err
	}
	got, err := p.root(size)
	if err != nil {
		return err
	}
	if got != root {
		return fmt.Errorf("verify inclusion: the path of entry %d leads to another root than the checkpoint's", p.Index)
	}
	return nil
}

// VerifyBody checks that the body is the one that the leaf was made for.
func (p Inclusion) VerifyBody(body []byte) error {
	want := fmt.Sprintf("\nsha256 %x\nsize %d\n", sha256.Sum256(body), len(body))
	if !strings.HasSuffix(p.Leaf, want) {
		return fmt.Errorf("verify body: it is not the one of entry %d", p.Index)
	}
	return nil
}

// root walks the path as RFC 9162, 2.1.3.2 says.
func (p Inclusion) root(size int64) (root [sha256.Size]byte, err error) {
	if p.Index < 0 || p.Index >= size {
		return root, fmt.Errorf("verify inclusion: entry %d is not among the checkpoint's %d", p.Index, size)
	}
	root = sha256.Sum256(append([]byte{0}, p.Leaf...))
	at, last := p.Index, size-1
	for _, text := range p.Path {
		beside, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(beside) != sha256.Size {
			return root, errors.New("verify inclusion: a hash of the path is not 32 bytes of base64")
		}
		if last == 0 {
			return root, errors.New("verify inclusion: the path is too long")
		}
		if at&1 == 0 && at != last {
			root = sha256.Sum256(bytes.Join([][]byte{{1}, root[:], beside}, nil))
			at, last = at>>1, last>>1
			continue
		}
		root = sha256.Sum256(bytes.Join([][]byte{{1}, beside, root[:]}, nil))
		for at&1 == 0 && at != 0 { // levels at which the right edge has no neighbour
			at, last = at>>1, last>>1
		}
		at, last = at>>1, last>>1
	}
	if last != 0 {
		return root, errors.New("verify inclusion: the path is too short")
	}
	return root, nil
}

// openCheckpoint verifies a signed note with one Ed25519 key
// (https://c2sp.org/signed-note) and reads size and root.
func openCheckpoint(signed, public string) (size int64, root [sha256.Size]byte, err error) {
	name, id, key, err := parseKey(public)
	if err != nil {
		return 0, root, err
	}
	text, signatures, ok := strings.Cut(signed, "\n\n")
	if !ok {
		return 0, root, errors.New("verify checkpoint: there is no blank line before the signatures")
	}
	text += "\n"
	verified := false
	for line := range strings.Lines(signatures) {
		data, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— "+name+" ")
		if !ok {
			continue // another witness's
		}
		signature, err := base64.StdEncoding.Strict().DecodeString(data)
		if err == nil && len(signature) == 4+ed25519.SignatureSize && binary.BigEndian.Uint32(signature) == id &&
			ed25519.Verify(key, []byte(text), signature[4:]) {
			verified = true
		}
	}
	if !verified {
		return 0, root, fmt.Errorf("verify checkpoint: no signature of %q verifies", name)
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] != name { // what follows them are extensions
		return 0, root, errors.New("verify checkpoint: it is not origin, size and root")
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, root, errors.New("verify checkpoint: the second line is not a size")
	}
	data, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(data) != sha256.Size {
		return 0, root, errors.New("verify checkpoint: the third line is not a hash")
	}
	return size, [sha256.Size]byte(data), nil
}

// parseKey reads "name+hash+data", whose hash binds the name to the key.
func parseKey(public string) (name string, id uint32, key ed25519.PublicKey, err error) {
	bad := errors.New("parse public key: it is not one line name+hash+data for Ed25519")
	parts := strings.SplitN(public, "+", 3)
	if len(parts) != 3 {
		return "", 0, nil, bad
	}
	data, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != 1 {
		return "", 0, nil, bad
	}
	sum := sha256.Sum256([]byte(parts[0] + "\n" + string(data)))
	id = binary.BigEndian.Uint32(sum[:4])
	if fmt.Sprintf("%08x", id) != parts[1] {
		return "", 0, nil, errors.New("parse public key: its hash does not belong to its name and data")
	}
	return parts[0], id, data[1:], nil
}
