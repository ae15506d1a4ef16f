package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
)

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func sign(t *testing.T, signer ssh.Signer, namespace, payload string) []byte {
	t.Helper()
	s, err := sshsig.Sign(strings.NewReader(payload), signer, sshsig.HashSHA512, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return sshsig.Armor(s)
}

func TestSSHSigner(t *testing.T) {
	signer := newSigner(t)
	good := sign(t, signer, "git", "payload")
	if key, err := signature.SSHSigner([]byte("payload"), good); err != nil || key != ssh.FingerprintSHA256(signer.PublicKey()) {
		t.Errorf("got %q, %v", key, err)
	}
	for name, tt := range map[string]struct {
		payload string
		armored []byte
		reason  string
	}{
		"other payload":   {"pay load", good, "does not fit the commit"},
		"other namespace": {"payload", sign(t, signer, "file", "payload"), `namespace "file"`},
		"trailing":        {"payload", append(bytes.Clone(good), "more"...), "malformed"},
		"openpgp":         {"payload", []byte("-----BEGIN PGP SIGNATURE-----\n"), "malformed"},
		"empty":           {"payload", nil, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := signature.SSHSigner([]byte(tt.payload), tt.armored)
			if err == nil || key != "" || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got %q, %v, want %q", key, err, tt.reason)
			}
		})
	}
}

// That a signature names its key makes it no pinned one.
func TestVerifyNeedsThePinnedKey(t *testing.T) {
	signer, other := newSigner(t), newSigner(t)
	armored := sign(t, signer, "git", "payload")
	fingerprint := ssh.FingerprintSHA256(signer.PublicKey())
	for name, tt := range map[string]struct {
		keys []string
		want change.Verification
	}{
		"pinned": {[]string{string(ssh.MarshalAuthorizedKey(signer.PublicKey()))},
			change.Verification{Kind: "ssh", Verified: true, Key: fingerprint}},
		"another": {[]string{string(ssh.MarshalAuthorizedKey(other.PublicKey()))},
			change.Verification{Kind: "ssh", Reason: "signed with key " + fingerprint + ", which the policy does not pin"}},
		"none": {nil, change.Verification{Kind: "ssh", Reason: "signed with key " + fingerprint + ", which the policy does not pin"}},
	} {
		t.Run(name, func(t *testing.T) {
			ring, err := signature.ParseKeys(tt.keys)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, ring.Verify([]byte("payload"), armored, time.Unix(1_800_000_000, 0))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKeyErrorKeepsTheKeySecret(t *testing.T) {
	_, err := signature.ParseKeys([]string{"SHA256:ok", "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret"})
	e, ok := errors.AsType[*signature.KeyError](err)
	if !ok || e.Number != 2 || strings.Contains(e.Error(), "secret") || e.Hint() == "" {
		t.Errorf("got %v", err)
	}
}
