package signature

import "testing"

func FuzzParseKeys(f *testing.F) {
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Jq0Wn0m5Yl4o2qV7lT1yCkq3t3sJr0b0b0b0b0b0b")
	f.Add(pgpKeyHead + "\n\nxjM=\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----")
	f.Add(pgpKeyHead + "\n\n=AAAA\nL")
	f.Fuzz(func(t *testing.T, key string) {
		if ring, err := ParseKeys([]string{key}); err == nil && len(ring.ssh)+len(ring.pgp)+len(ring.prints) == 0 {
			t.Errorf("key %q is neither taken nor refused", key)
		}
	})
}
