package token

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/encoding/unicode"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
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

// shapes are the tokens whose length is known by how they begin.
var shapes = []struct {
	prefix string
	length int
}{
	{"ghp_", 40}, {"gho_", 40}, {"ghu_", 40}, {"ghs_", 40}, {"ghr_", 40}, {"github_pat_", 93}, {"pul-", 44},
}

var (
	// signed is an installation's token of 2026 (Inspect), whose length is not fixed;
	// what is shorter than leastSigned is an example.
	signed = pattern.Lazy(`ghs_[0-9]+_eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+`)
	pulumi = pattern.Lazy(`^pul-[0-9a-f]{40}$`)
	// packed is base64 that is long enough for a token.
	packed = pattern.Lazy(`[0-9A-Za-z+/]{53,}={0,2}`)
)

const leastSigned = 40

// Find finds the tokens in a text, which is in UTF-16 where it begins with that
// one's byte order mark: lines and columns are then those of the text in UTF-8.
// What only looks like a token, such as an example whose checksum is wrong, is none;
// tokens of before April 2021 cannot be told from commits' ids, and are not found.
// What stands right before a token hides it as little as what stands behind it.
func Find(text []byte) []Found {
	var s search
	return s.everywhere(text)
}

// search looks for tokens, and counts the bytes that it looks at: whoever looks
// through a text again for each token needs hours for a large one (TestFindIsLinear).
type search struct{ looked int }

// hit is a token that begins at a place of a text.
type hit struct {
	at      int
	kind    Kind
	exact   secret.Secret
	encoded bool
}

func (s *search) everywhere(text []byte) []Found {
	all := s.plain(text)
	if wide, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(text); err == nil {
		all = append(all, s.plain(wide)...) // it may be a binary file, too
	}
	return all
}

// plain finds the tokens in a text of one byte for each of their characters.
func (s *search) plain(text []byte) []Found {
	hits := s.hits(text)
	for _, at := range s.matches(packed(), text) {
		// From the start alone: a value's base64 begins with the value.
		run := bytes.TrimRight(text[at[0]:at[1]], "=")
		plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)))
		n, _ := base64.RawStdEncoding.Decode(plain, run) // as far as it goes
		for _, h := range s.hits(plain[:n]) {
			hits = append(hits, hit{at[0], h.kind, h.exact, true})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.at - b.at })
	var all []Found
	line, start, seen := 1, 0, 0
	for _, h := range hits {
		if breaks, last := s.breaks(text[seen:h.at]); breaks > 0 {
			line += breaks
			start = seen + last + 1
		}
		seen = h.at
		all = append(all, Found{h.kind, line, h.at - start + 1, Fingerprint(h.exact), h.encoded})
	}
	return all
}

// hits tries every place where a prefix stands: a token may begin inside of what
// only looks like one.
func (s *search) hits(text []byte) []hit {
	var all []hit
	for _, shape := range shapes {
		prefix := []byte(shape.prefix)
		for at := s.index(text, prefix); at >= 0 && at+shape.length <= len(text); {
			exact := secret.New(string(text[at : at+shape.length]))
			if kind, ok := recognise(exact); ok {
				all = append(all, hit{at: at, kind: kind, exact: exact})
			}
			next := s.index(text[at+len(prefix):], prefix)
			if next < 0 {
				break
			}
			at += len(prefix) + next
		}
	}
	if s.index(text, []byte("ghs_")) < 0 {
		return all // most texts, which are not searched for an expression
	}
	for _, at := range s.matches(signed(), text) {
		exact := secret.New(strings.TrimRight(string(text[at[0]:at[1]]), "-_"))
		if kind, ok := recognise(exact); ok && at[1]-at[0] >= leastSigned {
			all = append(all, hit{at: at[0], kind: kind, exact: exact})
		}
	}
	return all
}

// index is where a text has a part first, or -1.
func (s *search) index(text, part []byte) int {
	at := bytes.Index(text, part)
	if at < 0 {
		s.looked += len(text)
	} else {
		s.looked += at + len(part)
	}
	return at
}

// matches are the places where an expression fits.
func (s *search) matches(e *regexp.Regexp, text []byte) [][]int {
	s.looked += len(text)
	return e.FindAllIndex(text, -1)
}

// breaks counts a text's line breaks, and says where the last one is.
func (s *search) breaks(text []byte) (count, last int) {
	s.looked += len(text)
	return bytes.Count(text, []byte("\n")), bytes.LastIndexByte(text, '\n')
}

// recognise says whether a text is a token. The checksum of a fine-grained token is
// not published, and Pulumi's have none: what repeats itself is an example.
func recognise(s secret.Secret) (Kind, bool) {
	text := s.Reveal()
	if pulumi().MatchString(text) {
		return PulumiAccess, varied(text[len("pul-"):])
	}
	f := Inspect(s)
	return f.Kind, f.Whole && (f.Kind != FineGrained || varied(text[len("github_pat_"):]))
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
