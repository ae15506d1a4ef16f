package token

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// PulumiAccess is the kind of Pulumi's access tokens: who has one can read the
// environment that the bot's token is kept in.
const PulumiAccess Kind = "pulumi"

// Found is a token that stands in a text.
type Found struct {
	Kind Kind
	// Line and Column count from 1; columns count bytes.
	Line, Column int
	// Fingerprint is the token's, as Fingerprint gives it.
	Fingerprint string
	// Encoded says that it stands there in base64, as in a Secret's manifest.
	Encoded bool
}

var (
	// candidate is what begins as a token does and goes on with its characters.
	candidate = regexp.MustCompile(`\b(?:gh[pousr]_[0-9A-Za-z_.-]{36,}|github_pat_[0-9A-Za-z_]{82}|pul-[0-9a-f]{40})`)
	// packed is base64 that is long enough for a token.
	packed = regexp.MustCompile(`[0-9A-Za-z+/]{53,}={0,2}`)
	// prefixesOf are what every candidate has: most texts hold none.
	prefixesOf = [][]byte{[]byte("ghp_"), []byte("gho_"), []byte("ghu_"), []byte("ghs_"), []byte("ghr_"), []byte("github_pat_"), []byte("pul-")}
)

// Find finds the tokens in a text. What only looks like one, such as an example
// whose checksum is wrong, is none; tokens of before April 2021 cannot be told
// from commits' ids, and are not found.
func Find(text []byte) []Found {
	all := find(text, func(at int) (int, int) { return position(text, at) }, false)
	for _, at := range packed.FindAllIndex(text, -1) {
		// From the start alone: a value's base64 begins with the value.
		run := bytes.TrimRight(text[at[0]:at[1]], "=")
		plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)))
		n, _ := base64.RawStdEncoding.Decode(plain, run) // as far as it goes
		line, column := 0, 0
		all = append(all, find(plain[:n], func(int) (int, int) {
			if line == 0 {
				line, column = position(text, at[0])
			}
			return line, column
		}, true)...)
	}
	slices.SortStableFunc(all, func(a, b Found) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return all
}

func find(text []byte, where func(int) (line, column int), encoded bool) []Found {
	if !slices.ContainsFunc(prefixesOf, func(p []byte) bool { return bytes.Contains(text, p) }) {
		return nil
	}
	var all []Found
	for _, at := range candidate.FindAllIndex(text, -1) {
		kind, exact, ok := recognise(string(text[at[0]:at[1]]))
		if !ok {
			continue
		}
		line, column := where(at[0])
		all = append(all, Found{kind, line, column, Fingerprint(exact), encoded})
	}
	return all
}

func position(text []byte, at int) (line, column int) {
	before := text[:at]
	return bytes.Count(before, []byte("\n")) + 1, at - (bytes.LastIndexByte(before, '\n') + 1) + 1
}

// classicLength is that of the tokens with a checksum.
const classicLength = 40

// recognise says whether a candidate is a token. It may have taken in what follows
// the token, such as the full stop of a sentence.
func recognise(text string) (Kind, secret.Secret, bool) {
	if strings.HasPrefix(text, "pul-") {
		return PulumiAccess, secret.New(text), varied(text[4:])
	}
	whole := strings.TrimRight(text, ".-_")
	if len(whole) > classicLength && !strings.HasPrefix(whole, "github_pat_") && !strings.HasPrefix(whole, "ghs_") {
		whole = whole[:classicLength]
	}
	s := secret.New(whole)
	f := Inspect(s)
	if !f.Whole && f.Kind == Installation && len(whole) > classicLength {
		s = secret.New(whole[:classicLength])
		f = Inspect(s)
	}
	// The checksum of a fine-grained token is not published: what repeats itself is
	// an example.
	return f.Kind, s, f.Whole && (f.Kind != FineGrained || varied(whole[len("github_pat_"):]))
}

// varied says whether a text has about as many different characters as chance
// gives: of 16 digits, 40 at random have fewer than 9 once in a million texts.
func varied(text string) bool {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen) >= 9
}
