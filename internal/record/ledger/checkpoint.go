package ledger

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Checkpoint says what the tree was: so many leaves, this root. Its text is the
// one of https://c2sp.org/tlog-checkpoint, with one extension line.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	// Own is how many of the entries the program itself made: all that are no
	// deliveries. They are few and lie anywhere, so that whoever wants all of them
	// can look them up, and count.
	Own int64
}

// Text is what is signed: origin, size, root, and the program's own entries, a
// line each.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\nown %d\n", c.Origin, c.Size, c.Root, c.Own)
}

// Key signs checkpoints: an Ed25519 key in the form of golang.org/x/mod/sumdb/note.
type Key struct {
	private secret.Secret
	public  string
	signer  note.Signer
	names   secret.Secret // the key that names webhook secrets
}

// NewKey makes a key. The name, which becomes the origin of the checkpoints,
// holds neither spaces nor "+".
func NewKey(random io.Reader, name string) (Key, error) {
	private, _, err := note.GenerateKey(random, name)
	if err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}
	return ParseKey(secret.New(private))
}

// ParseKey reads a private key: "PRIVATE+KEY+name+hash+…".
func ParseKey(private secret.Secret) (Key, error) {
	text := strings.TrimSpace(private.Reveal())
	signer, err := note.NewSigner(text)
	if err != nil {
		// The cause could quote the key.
		return Key{}, errors.New("parse signing key: it is not one line PRIVATE+KEY+name+hash+data")
	}
	public, err := publicOf(text)
	if err != nil {
		return Key{}, err
	}
	names := hmac.New(sha256.New, []byte(text))
	names.Write([]byte("fluxkeeper names of webhook secrets v1"))
	return Key{secret.New(text), public, signer, secret.New(string(names.Sum(nil)))}, nil
}

// Private is what ParseKey reads.
func (k Key) Private() secret.Secret { return k.private }

// Public is the key that others verify with: "name+hash+data".
func (k Key) Public() string { return k.public }

// SecretID names a webhook secret in 8 hexadecimal digits. Without the key nobody can
// try secrets against it.
func (k Key) SecretID(s secret.Secret) string {
	mac := hmac.New(sha256.New, []byte(k.names.Reveal()))
	mac.Write([]byte(s.Reveal()))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// Sign gives the checkpoint as a signed note, with the key's name as its origin.
func (k Key) Sign(c Checkpoint) ([]byte, error) {
	c.Origin = k.signer.Name()
	signed, err := note.Sign(&note.Note{Text: c.Text()}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return signed, nil
}

// OpenCheckpoint verifies a signed checkpoint with a public key, "name+hash+data".
func OpenCheckpoint(signed []byte, public string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(strings.TrimSpace(public))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("parse public key: %w", err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verify checkpoint: %w", err)
	}
	for _, s := range opened.Sigs {
		// note passes over spare bits at the end of base64: two texts, one signature.
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return Checkpoint{}, errors.New("verify checkpoint: the signature is not written as this version writes it")
		}
	}
	c, err := parseCheckpoint(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("verify checkpoint: its origin is %q, the key's %q", c.Origin, verifier.Name())
	}
	return c, nil
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[0] == "" {
		return Checkpoint{}, errors.New("parse checkpoint: it is not four lines")
	}
	size, sizeErr := strconv.ParseInt(lines[1], 10, 64)
	root, rootErr := tlog.ParseHash(lines[2])
	own, ownErr := strconv.ParseInt(strings.TrimPrefix(lines[3], "own "), 10, 64)
	c := Checkpoint{lines[0], size, root, own}
	if errors.Join(sizeErr, rootErr, ownErr) != nil || own < 0 || size < own || c.Text() != text {
		return Checkpoint{}, errors.New("parse checkpoint: it is not an origin, a size, a hash and a number of own entries")
	}
	return c, nil
}

// publicOf works the public key out of a private key that note has accepted.
func publicOf(text string) (string, error) {
	parts := strings.SplitN(text, "+", 5) // PRIVATE, KEY, name, hash, data
	data, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(data) != 1+ed25519.SeedSize {
		return "", errors.New("parse signing key: its data is not an Ed25519 seed")
	}
	private := ed25519.NewKeyFromSeed(data[1:])
	return note.NewEd25519VerifierKey(parts[2], ed25519.PublicKey(private[ed25519.SeedSize:]))
}
