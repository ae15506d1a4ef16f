package token

import (
	"crypto/sha256"
	"encoding/base64"
	"hash/crc32"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Kind is what sort of credential a token is. GitHub tells them by their prefix
// (https://github.blog/engineering/behind-githubs-new-authentication-token-formats/).
type Kind string

// The kinds.
const (
	Classic      Kind = "classic"      // ghp_: a personal access token with scopes
	FineGrained  Kind = "fine-grained" // github_pat_: a personal access token with permissions
	OAuth        Kind = "oauth"        // gho_: what an OAuth app acts with for a person
	AppUser      Kind = "app-user"     // ghu_: what a GitHub App acts with for a person
	Installation Kind = "installation" // ghs_: a GitHub App's installation, or a workflow's GITHUB_TOKEN
	Refresh      Kind = "refresh"      // ghr_: only gets other tokens
	Legacy       Kind = "legacy"       // 40 hexadecimal digits: made before April 2021
	Unknown      Kind = "unknown"      // none of GitHub's
)

// Form is what a token's text alone tells.
type Form struct {
	Kind Kind `json:"kind"`
	// Whole says that the text has the length and, where it is published how to
	// work it out, the checksum of its kind: that it was not cut or mistyped.
	Whole bool `json:"whole"`
}

const checksumLength = 6

var (
	word        = pattern.Lazy(`^[0-9A-Za-z]{36}$`)
	fineGrained = pattern.Lazy(`^[0-9A-Za-z]{22}_[0-9A-Za-z]{59}$`)
	hexadecimal = pattern.Lazy(`^[0-9a-f]{40}$`)
	// An installation's token holds a JWT since 2026: ghs_APPID_HEADER.CLAIMS.SIGNATURE.
	installation = pattern.Lazy(`^[0-9]+_eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+$`)
)

var prefixes = map[string]Kind{"ghp": Classic, "gho": OAuth, "ghu": AppUser, "ghs": Installation, "ghr": Refresh}

// Inspect reads a token's kind off its text, which goes nowhere. Blanks around
// the text belong to it: they are sent, too.
func Inspect(s secret.Secret) Form {
	text := s.Reveal()
	if rest, ok := strings.CutPrefix(text, "github_pat_"); ok {
		return Form{FineGrained, fineGrained().MatchString(rest)} // the checksum's rule is not published
	}
	if hexadecimal().MatchString(text) {
		return Form{Legacy, true}
	}
	prefix, rest, _ := strings.Cut(text, "_")
	kind, ok := prefixes[prefix]
	switch {
	case !ok:
		return Form{Kind: Unknown}
	case kind == Installation && installation().MatchString(rest):
		return Form{kind, true}
	case !word().MatchString(rest):
		return Form{Kind: kind}
	}
	cut := len(rest) - checksumLength
	return Form{kind, Checksum(rest[:cut]) == rest[cut:]}
}

// Sendable says whether a token's text can be sent at all: it is one of GitHub's
// by its prefix, and without characters that no token has.
func Sendable(s secret.Secret) bool {
	text := s.Reveal()
	return Inspect(s).Kind != Unknown && len(text) < 4096 && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~'
	})
}

// Checksum is the last six characters of the tokens of 2021: the CRC-32 of the
// random part, in base 62, with zeros before it.
func Checksum(random string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := crc32.ChecksumIEEE([]byte(random))
	text := make([]byte, checksumLength)
	for i := range text {
		text[checksumLength-1-i] = digits[sum%62]
		sum /= 62
	}
	return string(text)
}

// Fingerprint is the form in which GitHub's audit log names a token
// (hashed_token): SHA-256 in padded base64. The token cannot be had back from it.
// What is no token of GitHub has none: a password could be guessed from its hash.
func Fingerprint(s secret.Secret) string {
	if Inspect(s).Kind == Unknown {
		return ""
	}
	sum := sha256.Sum256([]byte(s.Reveal()))
	return base64.StdEncoding.EncodeToString(sum[:])
}
