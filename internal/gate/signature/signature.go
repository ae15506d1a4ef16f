package signature

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Keyring holds the keys that the policy pins. The zero Keyring has none.
type Keyring struct {
	ssh []ssh.PublicKey
	pgp openpgp.EntityList
	// prints are pinned fingerprints without a key, in upper case and without
	// spaces for OpenPGP.
	prints []string
}

const pgpKeyHead = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

// KeyError says that a pinned key cannot be read. Its text never quotes the
// key, which may be a private one.
type KeyError struct {
	Number int // of the key, from 1
	Err    error
}

// Op says what was tried.
func (e *KeyError) Op() string { return fmt.Sprintf("read pinned key %d", e.Number) }

// Error names the key by its number, never by its text, which may be a secret.
func (e *KeyError) Error() string { return e.Op() + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *KeyError) Unwrap() error { return e.Err }

// Hint says what a key looks like.
func (*KeyError) Hint() string {
	return "a key is an ssh-… line, an armored OpenPGP public key, or a fingerprint"
}

// ParseKeys reads entries of policy.Bot.Keys. Its error is a *KeyError.
func ParseKeys(keys []string) (Keyring, error) {
	var ring Keyring
	for i, key := range keys {
		if err := ring.add(strings.TrimSpace(key)); err != nil {
			return ring, &KeyError{i + 1, err}
		}
	}
	return ring, nil
}

func (k *Keyring) add(key string) error {
	if strings.HasPrefix(key, pgpKeyHead) {
		entities, err := openpgp.ReadArmoredKeyRing(strings.NewReader(key))
		if err == nil && len(entities) == 0 {
			err = errors.New("no key in the armored block")
		}
		k.pgp = append(k.pgp, entities...)
		return err
	}
	if strings.HasPrefix(key, "-----") {
		return errors.New("not a public key") // nor printed: it may be a private one
	}
	if print := Fingerprint(key); isPGPPrint(print) || strings.HasPrefix(print, "SHA256:") {
		k.prints = append(k.prints, print)
		return nil
	}
	public, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(key))
	switch {
	case err != nil:
		return errors.New("not a public key")
	case len(options) > 0 || len(bytes.TrimSpace(rest)) > 0:
		return errors.New("more than one key, or a key with options")
	}
	if _, ok := public.(*ssh.Certificate); ok {
		return errors.New("a certificate, not a public key")
	}
	if public.Type() == "ssh-dss" {
		return errors.New("a DSA key, which proves nothing any more")
	}
	k.ssh = append(k.ssh, public)
	return nil
}

func isPGPPrint(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789ABCDEF") == ""
}

// Fingerprint gives one spelling to a fingerprint: hexadecimal ones, OpenPGP's,
// in upper case and without spaces, those of SSH as ssh-keygen prints them.
func Fingerprint(s string) string {
	if strings.HasPrefix(s, "SHA256:") {
		return strings.TrimRight(s, "=")
	}
	return strings.ToUpper(strings.ReplaceAll(s, " ", ""))
}

// Fingerprints gives the fingerprints of one entry of policy.Bot.Keys, spelled
// as change.Verification.Key has them; several where an armored block holds
// several keys. A bare fingerprint is its own.
func Fingerprints(key string) ([]string, error) {
	ring, err := ParseKeys([]string{key})
	if err != nil {
		return nil, err
	}
	out := ring.prints
	for _, public := range ring.ssh {
		out = append(out, ssh.FingerprintSHA256(public))
	}
	for _, entity := range ring.pgp {
		out = append(out, pgpPrint(entity))
	}
	return out, nil
}

// pgpPrint is the fingerprint of the primary key: what people know a key by,
// whichever of its subkeys signed.
func pgpPrint(e *openpgp.Entity) string { return fmt.Sprintf("%X", e.PrimaryKey.Fingerprint) }

// unpinned explains why a valid looking signature by some key proves nothing.
func (k Keyring) unpinned(fingerprint string) error {
	for _, known := range k.prints {
		if known == fingerprint || isPGPPrint(known) && strings.HasSuffix(known, fingerprint) {
			return fmt.Errorf("the policy pins only the fingerprint of key %s, and a fingerprint cannot verify a signature", fingerprint)
		}
	}
	return fmt.Errorf("signed with key %s, which the policy does not pin", fingerprint)
}

// Kind is the kind of a signature as change.Verification has it, by its first
// line; empty where it is of none of them.
func Kind(armored []byte) string {
	switch first, _, _ := strings.Cut(string(armored), "\n"); first {
	case "-----BEGIN PGP SIGNATURE-----":
		return "openpgp"
	case "-----BEGIN SSH SIGNATURE-----":
		return "ssh"
	case "-----BEGIN SIGNED MESSAGE-----":
		return "x509"
	}
	return ""
}

// Verify says what is known of a commit's signature over the payload: verified
// is what a pinned key made. The day of now decides whether a key has expired,
// for the signer chooses the dates in a commit.
func (k Keyring) Verify(payload, armored []byte, now time.Time) change.Verification {
	v := change.Verification{Kind: Kind(armored)}
	var err error
	switch v.Kind {
	case "openpgp":
		v.Key, err = k.verifyPGP(payload, armored, now)
	case "ssh":
		v.Key, err = k.verifySSH(payload, armored)
	case "x509":
		err = errors.New("X.509 signatures are not verified here")
	default:
		err = errors.New("a signature of unknown kind")
	}
	if err != nil {
		v.Key, v.Reason = "", err.Error()
		return v
	}
	v.Verified = true
	return v
}

// SSHSigner gives the fingerprint of the key that made an SSH signature over
// the payload. The signature names its key, so that it can be checked without
// knowing the key before; whose key it is, it does not tell.
func SSHSigner(payload, armored []byte) (string, error) {
	signature, err := parseSSH(armored)
	if err != nil {
		return "", err
	}
	return checkSSH(payload, signature)
}

func (k Keyring) verifySSH(payload, armored []byte) (string, error) {
	signature, err := parseSSH(armored)
	if err != nil {
		return "", err
	}
	for _, key := range k.ssh {
		if bytes.Equal(key.Marshal(), signature.PublicKey.Marshal()) {
			return checkSSH(payload, signature)
		}
	}
	return "", k.unpinned(ssh.FingerprintSHA256(signature.PublicKey))
}

func parseSSH(armored []byte) (*sshsig.Signature, error) {
	malformed := errors.New("malformed SSH signature")
	block, rest := pem.Decode(armored)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, malformed
	}
	signature, err := sshsig.Unarmor(armored)
	if err != nil {
		return nil, malformed
	}
	return signature, nil
}

// checkSSH checks a signature with the key that it names.
func checkSSH(payload []byte, signature *sshsig.Signature) (string, error) {
	if signature.Namespace != "git" {
		return "", fmt.Errorf("the SSH signature is for namespace %s, not \"git\"", text.Quote(signature.Namespace))
	}
	if signature.Signature.Format == ssh.KeyAlgoRSA {
		return "", errors.New("the SSH signature uses SHA-1") // forbidden by PROTOCOL.sshsig
	}
	fingerprint := ssh.FingerprintSHA256(signature.PublicKey)
	if err := sshsig.Verify(bytes.NewReader(payload), signature, signature.PublicKey, signature.HashAlgorithm, "git"); err != nil {
		return "", fmt.Errorf("the signature by %s does not fit the commit", fingerprint)
	}
	return fingerprint, nil
}

func (k Keyring) verifyPGP(payload, armored []byte, now time.Time) (string, error) {
	signature, err := parsePGP(armored)
	if err != nil {
		return "", err
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	signer, err := openpgp.CheckArmoredDetachedSignature(k.pgp, bytes.NewReader(payload), bytes.NewReader(armored), config)
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		fingerprint := fmt.Sprintf("%016X", *signature.IssuerKeyId)
		if len(signature.IssuerFingerprint) > 0 {
			fingerprint = fmt.Sprintf("%X", signature.IssuerFingerprint)
		}
		return "", k.unpinned(fingerprint)
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return "", errors.New("the signing key has expired")
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return "", errors.New("the signing key is revoked")
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return "", errors.New("the signature has expired, or is dated in the future")
	case err != nil || signer == nil:
		return "", errors.New("the signature does not fit the commit") // the cause may quote the signature
	}
	return pgpPrint(signer), nil
}

// parsePGP insists on one signature, as git asks gpg to make it.
func parsePGP(armored []byte) (*packet.Signature, error) {
	malformed := errors.New("malformed OpenPGP signature")
	input := bytes.NewReader(armored)
	block, err := armor.Decode(input)
	if err != nil || block.Type != openpgp.SignatureType {
		return nil, malformed
	}
	body, err := io.ReadAll(block.Body)
	if err != nil || bytes.Count(armored, []byte("-----BEGIN ")) != 1 {
		return nil, malformed
	}
	packets := packet.NewReader(bytes.NewReader(body))
	first, err := packets.Next()
	if err != nil {
		return nil, malformed
	}
	signature, ok := first.(*packet.Signature)
	if !ok || signature.IssuerKeyId == nil {
		return nil, malformed
	}
	if _, err := packets.Next(); err != io.EOF {
		return nil, errors.New("more than one OpenPGP signature")
	}
	if signature.SigType != packet.SigTypeBinary {
		return nil, errors.New("an OpenPGP signature of another type than over binary data")
	}
	switch signature.Hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512:
	default:
		return nil, fmt.Errorf("the OpenPGP signature uses %s", signature.Hash)
	}
	return signature, nil
}
