package policy

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
)

const (
	armorBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	armorEnd   = "-----END PGP PUBLIC KEY BLOCK-----"
)

// keys reads pinned public keys. No message repeats one, since it could be a
// private key in the wrong place.
func (r *reader) keys(into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*into = nil
		r.each(n, "keys", func(item *yaml.Node) {
			if !r.kind(item, yaml.ScalarNode, "a key", "text") {
				return
			}
			key, message, hint := pinnedKey(item.Value)
			switch {
			case message != "":
				r.report(item, hint, "%s", message)
			case slices.Contains(*into, key):
				r.report(item, "", "this key is listed twice")
			default:
				*into = append(*into, key)
			}
		})
	}
}

// pinnedKey returns the key in the spelling that Bot.Keys has, or what is
// wrong with it.
func pinnedKey(s string) (key, message, hint string) {
	const forms = `give a line such as "ssh-ed25519 AAAA…", an armored OpenPGP public key, or a fingerprint (SHA256:… or 40 hex digits)`
	if strings.Contains(s, "PRIVATE KEY") {
		return "", "this is a private key", "take it out of the repository and its history, replace it, and pin the public key"
	}
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, armorBegin) {
		if !strings.HasSuffix(trimmed, armorEnd) || !strings.Contains(trimmed, "\n") {
			return "", "the OpenPGP key is not whole", "write it after - | with every line from BEGIN to END"
		}
		if _, err := signature.ParseKeys([]string{trimmed}); err != nil {
			return "", "this is no OpenPGP key", "export it again, with gpg --armor --export"
		}
		return trimmed + "\n", "", ""
	}
	switch fields := strings.Fields(s); {
	case len(fields) == 0:
		return "", "the key is empty", forms
	case strings.Join(fields, " ") != s:
		return "", "the key has white space where none belongs", "write it on one line, with single spaces"
	case hidden(s):
		return "", "the key has an invisible character", "copy it again"
	case sshFingerprint(s):
		return s, "", ""
	}
	digits := strings.ReplaceAll(s, " ", "")
	raw, err := hex.DecodeString(digits)
	switch {
	case err != nil: // and so a key, or nothing
		if _, err := signature.ParseKeys([]string{s}); err != nil || strings.HasPrefix(s, "SHA256:") {
			return "", "this is no public key and no fingerprint", forms
		}
		return s, "", ""
	case len(raw) != 20 && len(raw) != 32: // OpenPGP's has 40 digits, or 64 since RFC 9580
		return "", "this fingerprint is not whole", "give all 40 digits: a short id can be made to fit another key"
	case digits != s:
		return "", "the fingerprint has spaces", "write it without them"
	}
	return strings.ToUpper(s), "", ""
}

// sshFingerprint tells whether s is a fingerprint as ssh-keygen -l prints it.
func sshFingerprint(s string) bool {
	digest, ok := strings.CutPrefix(s, "SHA256:")
	raw, err := base64.RawStdEncoding.DecodeString(digest)
	return ok && err == nil && len(raw) == 32
}

// login checks the shape of a GitHub login; apps have [bot] at the end.
func (r *reader) login(n *yaml.Node, s string) bool {
	ok := strings.Trim(strings.TrimSuffix(s, "[bot]"), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_") == ""
	if !ok {
		r.report(n, "write it as in the address of the profile, without @", "%s is not a GitHub login", quote(s))
	}
	return ok
}

func (r *reader) email(n *yaml.Node, s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(s, " <>") {
		r.report(n, "write it as name@example.com", "%s is not an e-mail address", quote(s))
		return false
	}
	return true
}
