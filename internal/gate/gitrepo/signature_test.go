package gitrepo_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
)

type sshKey struct{ private, public, fingerprint string }

func newSSHKey(t testing.TB, args ...string) sshKey {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("ssh-keygen", args...).Output()
		if err != nil {
			t.Fatalf("ssh-keygen: %v", err)
		}
		return string(out)
	}
	run(append([]string{"-q", "-N", "", "-C", "flux", "-f", path}, args...)...)
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return sshKey{path, string(public), strings.Fields(run("-lf", path))[1]}
}

// signed makes a branch with one commit that git signed with the key.
func signed(t testing.TB, key sshKey) *work {
	w := newWork(t)
	w.commit("start", "a", "1")
	w.git("checkout", "-qb", "branch")
	w.write("a", "2")
	w.git("-c", "gpg.format=ssh", "-c", "user.signingKey="+key.private, "commit", "-qaS", "-m", "signed\n\nwith a body")
	return w
}

// only gives the verification of the only commit between main and head.
func (w *work) only(head string, keys ...string) change.Verification {
	w.t.Helper()
	facts := w.facts("main", head, keys...)
	if len(facts.Commits) != 1 {
		w.t.Fatalf("%d commits", len(facts.Commits))
	}
	return facts.Commits[0].Verification
}

// rewrite makes a commit object of another one's changed bytes.
func (w *work) rewrite(id string, change func(string) string) string {
	w.t.Helper()
	raw := w.git("cat-file", "commit", id) + "\n"
	changed := change(raw)
	if changed == raw {
		w.t.Fatal("nothing was rewritten")
	}
	return w.gitInput(changed, "hash-object", "-t", "commit", "-w", "--literally", "--stdin")
}

func TestSSHSignature(t *testing.T) {
	for _, args := range [][]string{{"-t", "ed25519"}, {"-t", "ecdsa"}, {"-t", "rsa", "-b", "2048"}} {
		t.Run(args[1], func(t *testing.T) {
			key := newSSHKey(t, args...)
			w := signed(t, key)
			want := change.Verification{Kind: "ssh", Verified: true, Key: key.fingerprint}
			if diff := cmp.Diff(want, w.only("branch", newSSHKey(t, "-t", "ed25519").public, key.public)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSSHSignatureRefused(t *testing.T) {
	key, other := newSSHKey(t, "-t", "ed25519"), newSSHKey(t, "-t", "ed25519")
	w := signed(t, key)
	rewritten := func(from, to string) string {
		return w.rewrite("branch", func(s string) string { return strings.Replace(s, from, to, 1) })
	}
	again := w.rewrite("branch", func(s string) string { // a signature for another purpose
		return insertSignature(stripSignature(s), key.sign(t, "file", stripSignature(s)))
	})
	twice := w.rewrite("branch", func(s string) string {
		return insertSignature(s, strings.TrimSuffix(key.sign(t, "git", stripSignature(s)), "\n"))
	})
	trailing := w.rewrite("branch", func(s string) string {
		return strings.Replace(s, "-----END SSH SIGNATURE-----", "-----END SSH SIGNATURE-----\n more", 1)
	})
	const unfit = "does not fit the commit"
	tests := []struct {
		name, head, reason string
		keys               []string
	}{
		{"no key", "branch", "signed with key " + key.fingerprint + ", which the policy does not pin", nil},
		{"other key", "branch", "which the policy does not pin", []string{other.public}},
		{"fingerprint", "branch", "pins only the fingerprint", []string{key.fingerprint}},
		{"message", rewritten("with a body", "with another body"), unfit, []string{key.public}},
		{"author", rewritten("author Flux", "author Flax"), unfit, []string{key.public}},
		{"tree", rewritten(w.git("rev-parse", "branch^{tree}"), w.git("rev-parse", "main^{tree}")), unfit, []string{key.public}},
		{"header", rewritten("gpgsig ", "encoding latin1\ngpgsig "), unfit, []string{key.public}},
		{"namespace", again, `namespace "file"`, []string{key.public}},
		{"two", twice, "not exactly one", []string{key.public}},
		{"other header", rewritten("gpgsig ", "gpgsig-sha256 "), "not exactly one", []string{key.public}},
		{"both headers", rewritten("gpgsig ", "gpgsig-sha256 x\ngpgsig "), "not exactly one", []string{key.public}},
		{"trailing", trailing, "malformed", []string{key.public}},
		{"unknown kind", rewritten("BEGIN SSH SIGNATURE", "BEGIN NEW SIGNATURE"), "unknown kind", []string{key.public}},
		{"x509", rewritten("BEGIN SSH SIGNATURE", "BEGIN SIGNED MESSAGE"), "X.509", []string{key.public}},
		{"garbage", rewritten("-----BEGIN SSH SIGNATURE-----\n ", "-----BEGIN SSH SIGNATURE-----\n AAAA"), "malformed", []string{key.public}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.only(tt.head, tt.keys...)
			if got.Verified || got.Key != "" || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("verification %+v, want reason %q", got, tt.reason)
			}
		})
	}
}

// sign makes the signature that git would ask ssh-keygen for.
func (k sshKey) sign(t testing.TB, namespace, payload string) string {
	t.Helper()
	cmd := exec.Command("ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", k.private)
	cmd.Stdin = strings.NewReader(payload)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh-keygen: %v", err)
	}
	return string(out)
}

// stripSignature is the commit object that was signed.
func stripSignature(raw string) string {
	start := strings.Index(raw, "\ngpgsig ") + 1
	if start == 0 {
		return raw
	}
	end := start + strings.Index(raw[start:], "-----END")
	end += strings.Index(raw[end:], "\n") + 1
	return raw[:start] + raw[end:]
}

func insertSignature(raw, signature string) string {
	header := "gpgsig " + strings.ReplaceAll(strings.TrimSuffix(signature, "\n"), "\n", "\n ") + "\n"
	return strings.Replace(raw, "\n\n", "\n"+header+"\n", 1)
}

// Headers besides the usual ones are signed too.
func TestSignedExtraHeaders(t *testing.T) {
	key := newSSHKey(t, "-t", "ed25519")
	w := newWork(t)
	w.commit("start", "a", "1")
	sign := []string{"-c", "gpg.format=ssh", "-c", "user.signingKey=" + key.private}
	git := func(args ...string) { t.Helper(); w.git(append(sign, args...)...) }
	w.git("checkout", "-qb", "side")
	w.commit("side", "b", "1")
	git("tag", "-s", "-m", "a signed tag", "v1")
	w.git("checkout", "-q", "main")
	w.commit("more", "a", "2")
	w.git("checkout", "-qb", "branch")
	git("merge", "-q", "-S", "--no-ff", "-m", "merge", "v1")
	git("-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-qS", "--allow-empty", "-m", "odd: gpgsig\n\ngpgsig x")
	raw := w.git("cat-file", "commit", "HEAD^") + w.git("cat-file", "commit", "HEAD")
	for _, header := range []string{"\nmergetag ", "\nencoding ISO-8859-1"} {
		if !strings.Contains(raw, header) {
			t.Fatalf("no header %q, so that the test proves nothing", header)
		}
	}
	facts := w.facts("main", "branch", key.public)
	for _, c := range facts.Commits[1:] {
		if !c.Verification.Verified {
			t.Errorf("commit %q: %+v", c.Message, c.Verification)
		}
	}
	if got := facts.Commits[0].Verification; got != (change.Verification{}) {
		t.Errorf("unsigned commit: %+v", got)
	}
}

func newPGPKey(t testing.TB, created time.Time, config packet.Config) *openpgp.Entity {
	t.Helper()
	config.Time = func() time.Time { return created }
	config.Algorithm = packet.PubKeyAlgoEdDSA
	entity, err := openpgp.NewEntity("Flux", "", "flux@example.com", &config)
	if err != nil {
		t.Fatal(err)
	}
	return entity
}

func armored(t testing.TB, kind string, write func(*bytes.Buffer) error) string {
	t.Helper()
	var body, out bytes.Buffer
	if err := write(&body); err != nil {
		t.Fatal(err)
	}
	w, err := armor.Encode(&out, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(body.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}

func publicPGP(t testing.TB, e *openpgp.Entity) string {
	return armored(t, openpgp.PublicKeyType, func(b *bytes.Buffer) error { return e.Serialize(b) })
}

func TestPGPSignature(t *testing.T) {
	now := time.Now()
	day := 24 * time.Hour
	w := newWork(t)
	w.commit("start", "a", "1")
	w.git("checkout", "-qb", "branch")
	w.commit("change", "a", "2")
	payload := w.git("cat-file", "commit", "branch") + "\n"

	good := newPGPKey(t, now.Add(-9*day), packet.Config{})
	other := newPGPKey(t, now.Add(-9*day), packet.Config{})
	withSubkey := newPGPKey(t, now.Add(-9*day), packet.Config{})
	if err := withSubkey.AddSigningSubkey(&packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return now.Add(-8 * day) },
	}); err != nil {
		t.Fatal(err)
	}
	expired := newPGPKey(t, now.Add(-9*day), packet.Config{KeyLifetimeSecs: 5 * 24 * 3600})
	revoked := newPGPKey(t, now.Add(-9*day), packet.Config{})

	type signed struct {
		signer *openpgp.Entity
		config packet.Config
		kind   packet.SignatureType
		times  int
	}
	sign := func(s signed) string {
		t.Helper()
		return armored(t, openpgp.SignatureType, func(b *bytes.Buffer) error {
			for range max(1, s.times) {
				config := s.config
				if config.Time == nil {
					config.Time = func() time.Time { return now.Add(-6 * day) }
				}
				detach := openpgp.DetachSign
				if s.kind == packet.SigTypeText {
					detach = openpgp.DetachSignText
				}
				if err := detach(b, s.signer, strings.NewReader(payload), &config); err != nil {
					return err
				}
			}
			return nil
		})
	}
	head := func(s signed) string {
		return w.rewrite("branch", func(raw string) string { return insertSignature(raw, sign(s)) })
	}
	goodHead, revokedHead := head(signed{signer: good}), head(signed{signer: revoked})
	if err := revoked.RevokeKey(packet.KeyCompromised, "lost", &packet.Config{
		Time: func() time.Time { return now.Add(-day) },
	}); err != nil {
		t.Fatal(err)
	}
	fingerprint := func(e *openpgp.Entity) string {
		prints, err := signature.Fingerprints(publicPGP(t, e))
		if err != nil || len(prints) != 1 || len(prints[0]) != 40 || strings.ToUpper(prints[0]) != prints[0] {
			t.Fatalf("fingerprints %q, %v", prints, err)
		}
		return prints[0]
	}
	spaced := fingerprint(good)[:20] + " " + strings.ToLower(fingerprint(good)[20:])
	tests := []struct {
		name, head string
		key        string
		want       change.Verification
	}{
		{"good", goodHead, publicPGP(t, good), change.Verification{Verified: true, Key: fingerprint(good)}},
		{"subkey", head(signed{signer: withSubkey}), publicPGP(t, withSubkey),
			change.Verification{Verified: true, Key: fingerprint(withSubkey)}},
		{"other key", goodHead, publicPGP(t, other),
			change.Verification{Reason: "signed with key " + fingerprint(good) + ", which the policy does not pin"}},
		{"fingerprint", goodHead, spaced, change.Verification{
			Reason: "the policy pins only the fingerprint of key " + fingerprint(good) + ", and a fingerprint cannot verify a signature"}},
		{"expired key", head(signed{signer: expired}), publicPGP(t, expired), change.Verification{Reason: "the signing key has expired"}},
		{"revoked key", revokedHead, publicPGP(t, revoked), change.Verification{Reason: "the signing key is revoked"}},
		{"expired signature", head(signed{signer: good, config: packet.Config{SigLifetimeSecs: 60}}), publicPGP(t, good),
			change.Verification{Reason: "the signature has expired, or is dated in the future"}},
		{"from the future", head(signed{signer: good, config: packet.Config{Time: func() time.Time { return now.Add(9 * day) }}}),
			publicPGP(t, good), change.Verification{Reason: "the signature has expired, or is dated in the future"}},
		{"two", head(signed{signer: good, times: 2}), publicPGP(t, good), change.Verification{Reason: "more than one OpenPGP signature"}},
		{"text", head(signed{signer: good, kind: packet.SigTypeText}), publicPGP(t, good),
			change.Verification{Reason: "an OpenPGP signature of another type than over binary data"}},
		{"tampered", w.rewrite(goodHead, replace("change", "chance")), publicPGP(t, good),
			change.Verification{Reason: "the signature does not fit the commit"}},
		{"garbage", w.rewrite(goodHead, replace("-----BEGIN PGP SIGNATURE-----\n", "-----BEGIN PGP SIGNATURE-----\n !")), publicPGP(t, good),
			change.Verification{Reason: "malformed OpenPGP signature"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Kind = "openpgp"
			if diff := cmp.Diff(tt.want, w.only(tt.head, tt.key)); diff != "" {
				t.Error(diff)
			}
		})
	}
	// git and gpg agree on what is signed.
	if got := stripSignature(w.git("cat-file", "commit", goodHead) + "\n"); got != payload {
		t.Errorf("payload %q, want %q", got, payload)
	}
}

func TestBadKeys(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a", "1")
	for name, key := range map[string]string{
		"empty":       "",
		"nonsense":    "AAAA",
		"private":     "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n-----END OPENSSH PRIVATE KEY-----",
		"options":     `no-pty ` + newSSHKey(t, "-t", "ed25519").public,
		"two":         newSSHKey(t, "-t", "ed25519").public + newSSHKey(t, "-t", "ed25519").public,
		"cut":         "ssh-ed25519 AAAA",
		"pgp":         "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----",
		"private pgp": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nsecret\n-----END PGP PRIVATE KEY BLOCK-----",
	} {
		t.Run(name, func(t *testing.T) {
			facts := w.facts("main", "main", "SHA256:ok", key)
			if len(facts.Gaps) != 1 || !strings.Contains(facts.Gaps[0], "read pinned key 2") || strings.Contains(facts.Gaps[0], "secret") {
				t.Errorf("gaps %q", facts.Gaps)
			}
		})
	}
}

func replace(from, to string) func(string) string {
	return func(s string) string { return strings.Replace(s, from, to, 1) }
}
