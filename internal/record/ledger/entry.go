package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Kind says what an entry is.
type Kind string

// The kinds of entry.
const (
	// Delivery is a webhook delivery whose signature was right.
	Delivery Kind = "delivery"
	// Erasure says that bodies were erased, and keeps what was read out of them.
	Erasure Kind = "erasure"
	// Rotation is one step of replacing the bot's token: its body is a
	// rotation.Record, its id the new token's fingerprint, its name the step.
	Rotation Kind = "rotation"
	// Observation says what was seen elsewhere and held against the ledger: its body
	// are audit.Receipts.
	Observation Kind = "observation"
	// Refusal says how many deliveries were not taken, since their bodies came too often.
	Refusal Kind = "refusal"
)

// MaxField is the greatest length of a text field of an entry, in bytes.
const MaxField = 256

// Entry is one leaf of the ledger. The body lies beside it, under its hash, so
// that it can be erased while the leaf and every proof still hold.
type Entry struct {
	Kind Kind
	// Time is when the entry came in, by this machine's clock, in UTC and whole
	// microseconds. Order is by position, never by time.
	Time time.Time
	// Source is who sent it: of a delivery the id of the hook, or "" where no
	// header told it.
	Source string
	// ID is the sender's own name for it: of a delivery X-GitHub-Delivery.
	ID string
	// Name is the sort of thing it is: of a delivery X-GitHub-Event.
	Name string
	// Target is what the source is set up on: of a delivery "repository/123" or
	// "organization/123".
	Target string
	// Version is the form of what the entry says, counted from 1 for each kind. A
	// reader that does not know it has a gap.
	Version int64
	// Signature is what the sender signed the body with: of a delivery the 64
	// hexadecimal digits of X-Hub-Signature-256. Secret names the secret that it was
	// verified with (Key.SecretID).
	Signature, Secret string
	// Extra is for kinds to come, and empty in those of today.
	Extra string
	// BodyHash is the SHA-256 of the body, BodySize its length in bytes.
	BodyHash [sha256.Size]byte
	BodySize int64
}

// Record is an entry at its position in the ledger, counted from 0.
type Record struct {
	Index int64
	Entry
}

// Receipt says that an entry is kept for good.
type Receipt struct {
	Record
	// Duplicate says that the same ID, source and body were there before; the
	// record is then the first one's.
	Duplicate bool
}

// ErrNotFound says that there is no such entry.
var ErrNotFound = errors.New("no such entry")

// ErrErased says that an entry's body was erased; its leaf is still there.
var ErrErased = errors.New("the body was erased")

// ErrRepeated says that a delivery was not kept, since its body came too often.
var ErrRepeated = errors.New("too many deliveries with the same body")

// ErrUnavailable is wrapped by every error of a ledger that may be gone later:
// the entry was not taken, and may be sent again.
var ErrUnavailable = errors.New("the ledger takes nothing at the moment")

// leafHeader names the form of a leaf, so that another form can follow.
const leafHeader = "fluxkeeper entry v2\n"

// Leaf gives the bytes that the tree is made of: a line for the form, then one
// line for each field, "name value". It is text, so that a person can hash it.
func (e Entry) Leaf() []byte {
	b := make([]byte, 0, 512)
	field := func(name, value string) { b = append(append(append(append(b, name...), ' '), value...), '\n') }
	b = append(b, leafHeader...)
	field("kind", string(e.Kind))
	field("version", strconv.FormatInt(e.Version, 10))
	b = append(e.Time.UTC().AppendFormat(append(b, "time "...), timeLayout), '\n')
	field("source", e.Source)
	field("id", e.ID)
	field("name", e.Name)
	field("target", e.Target)
	field("signature", e.Signature)
	field("secret", e.Secret)
	field("extra", e.Extra)
	b = append(hex.AppendEncode(append(b, "sha256 "...), e.BodyHash[:]), '\n')
	field("size", strconv.FormatInt(e.BodySize, 10))
	return b
}

const timeLayout = "2006-01-02T15:04:05.000000Z"

// ParseLeaf reads what Leaf wrote, and refuses everything else.
func ParseLeaf(leaf []byte) (Entry, error) {
	rest, ok := bytes.CutPrefix(leaf, []byte(leafHeader))
	if !ok {
		return Entry{}, fmt.Errorf("parse leaf: it does not start with %q", strings.TrimSpace(leafHeader))
	}
	lines := strings.Split(string(rest), "\n")
	names := []string{"kind", "version", "time", "source", "id", "name", "target", "signature", "secret", "extra", "sha256", "size"}
	if len(lines) != len(names)+1 || lines[len(names)] != "" {
		return Entry{}, fmt.Errorf("parse leaf: %d lines, want %d", len(lines)-1, len(names))
	}
	values := make([]string, len(names))
	for i, name := range names {
		if values[i], ok = strings.CutPrefix(lines[i], name+" "); !ok {
			return Entry{}, fmt.Errorf("parse leaf: line %d is not %q", i+2, name)
		}
	}
	e := Entry{Kind: Kind(values[0]), Source: values[3], ID: values[4], Name: values[5], Target: values[6],
		Signature: values[7], Secret: values[8], Extra: values[9]}
	var errs [3]error
	e.Version, errs[0] = strconv.ParseInt(values[1], 10, 64)
	e.Time, errs[1] = time.Parse(timeLayout, values[2])
	e.BodySize, errs[2] = strconv.ParseInt(values[11], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return Entry{}, fmt.Errorf("parse leaf: %w", err)
	}
	if len(values[10]) != hex.EncodedLen(len(e.BodyHash)) {
		return Entry{}, errors.New("parse leaf: sha256 is not 64 hexadecimal digits")
	}
	if _, err := hex.Decode(e.BodyHash[:], []byte(values[10])); err != nil {
		return Entry{}, errors.New("parse leaf: sha256 is not 64 hexadecimal digits")
	}
	if err := e.Validate(); err != nil {
		return Entry{}, fmt.Errorf("parse leaf: %w", err)
	}
	if !bytes.Equal(e.Leaf(), leaf) {
		return Entry{}, errors.New("parse leaf: it is written otherwise than this version writes it")
	}
	return e, nil
}

// Hash is the leaf's hash in the tree, which also serves as the entry's id:
// unlike the index it tells nothing of the others.
func (e Entry) Hash() tlog.Hash { return tlog.RecordHash(e.Leaf()) }

// Validate refuses an entry that has no unambiguous leaf: an empty kind, a field
// that is not printable ASCII or too long, a time that the leaf cannot hold.
func (e Entry) Validate() error {
	if e.Kind == "" || e.ID == "" {
		return errors.New("validate entry: kind and id must not be empty")
	}
	for _, field := range [...]struct{ name, value string }{
		{"kind", string(e.Kind)}, {"source", e.Source}, {"id", e.ID}, {"name", e.Name}, {"target", e.Target},
		{"signature", e.Signature}, {"secret", e.Secret}, {"extra", e.Extra},
	} {
		if len(field.value) > MaxField {
			return fmt.Errorf("validate entry: %s has %d bytes, more than %d", field.name, len(field.value), MaxField)
		}
		for i := range len(field.value) {
			if c := field.value[i]; c < ' ' || c > '~' {
				return fmt.Errorf("validate entry: %s has a character other than printable ASCII", field.name)
			}
		}
	}
	if !e.Time.Equal(e.Time.Truncate(time.Microsecond)) || e.Time.Year() < 1 || e.Time.Year() > 9999 {
		return errors.New("validate entry: the time is not in whole microseconds, or not in years 1 to 9999")
	}
	if b, err := hex.DecodeString(e.Signature); err != nil || hex.EncodeToString(b) != e.Signature {
		return errors.New("validate entry: the signature is not in lower-case hexadecimal digits")
	}
	if e.BodySize < 0 || e.Version < 1 {
		return errors.New("validate entry: a negative size, or no version")
	}
	return nil
}
