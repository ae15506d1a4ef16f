package leaktest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Mark is in every secret of the tests that has no look of its own, and all over
// the longer tokens, so that a piece of one is known as well.
const Mark = "aZ3kQ9xW7"

// Secret is one without a look of its own, such as a webhook's secret or a
// password, of 36 characters.
const Secret = Mark + Mark + Mark + Mark

const (
	// hunter2 is a password where one has to be short, as people's are.
	hunter2 = "hunter2"
	// everybody is the secret that GitHub's own example of a signature is made with.
	everybody = "It's a Secret to Everybody"
)

// Legacy has the look of GitHub's tokens of before April 2021, which is that of a
// commit's id.
const Legacy = legacyPart + legacyPart + legacyPart + legacyPart

const legacyPart = "5ec2e75ec2"

// Token is a fine-grained token of GitHub that nobody made. It is put together
// when the tests run, so that no file of the repository holds it. The seed, of at
// most 13 characters, tells one from another.
func Token(seed string) string {
	text := strings.Repeat(seed+Mark, 12)
	return "github" + "_pat_" + text[:22] + "_" + text[22:22+59]
}

// Leak is a secret that stands in a text.
type Leak struct {
	// What the secret is, in words.
	What string
	// Form is how it is encoded; empty where it stands there as it is.
	Form string
	// Line counts from 1.
	Line int
}

// String says all of it but the secret.
func (l Leak) String() string {
	return strings.TrimSpace(fmt.Sprintf("line %d holds %s %s", l.Line, l.What, l.Form))
}

// looks are the looks of secrets. A text that has none of the needles has no such
// secret, which is quicker to see.
var looks = []struct {
	what    string
	needles []string
	look    *regexp.Regexp
}{
	{"a token of GitHub", []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"},
		regexp.MustCompile(`(?:gh[pousr]|github_pat)_[0-9A-Za-z][0-9A-Za-z_.-]{2,}`)},
	{"a Pulumi access token", []string{"pul-"}, regexp.MustCompile(`pul-[0-9a-f]{8,}`)},
	{"a token of three parts", []string{"eyJ"}, regexp.MustCompile(`eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+`)},
	{"a private key", []string{"PRIVATE"}, regexp.MustCompile(`PRIVATE\+KEY\+\S{8,}|-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	{"a password in an address", []string{"postgres"}, regexp.MustCompile(`postgres(?:ql)?://[^\s:/@]*:[^\s:/@*]+@`)},
	{"a token of before 2021", []string{Legacy}, regexp.MustCompile(Legacy)},
	{"a secret of the tests", []string{Mark, hunter2, everybody}, regexp.MustCompile("(?:" + Mark + ")+|" + hunter2 + "|" + everybody)},
}

// Find finds the secrets in a text of any kind. A line holds each kind once.
func Find(text []byte) []Leak {
	var all []Leak
	line := 0
	for one := range bytes.Lines(text) {
		line++
		for _, l := range findIn(one, "", 2) {
			l.Line = line
			if !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	return all
}

// Redact gives the text with *** for every secret, and for the whole line where one
// is encoded.
func Redact(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		clean := line
		for _, one := range looks {
			clean = one.look.ReplaceAllLiteralString(clean, "***")
		}
		if len(findIn([]byte(clean), "", 2)) > 0 {
			clean = "***" + line[len(strings.TrimRight(line, "\n")):]
		}
		b.WriteString(clean)
	}
	return b.String()
}

// findIn finds secrets as they are, and as they come out of so many decodings.
func findIn(text []byte, form string, decodings int) []Leak {
	var all []Leak
	for _, one := range looks {
		if slices.ContainsFunc(one.needles, func(n string) bool { return bytes.Contains(text, []byte(n)) }) && one.look.Match(text) {
			all = append(all, Leak{What: one.what, Form: form})
		}
	}
	if len(all) > 0 || decodings == 0 {
		return all
	}
	for _, view := range []struct {
		form   string
		decode func([]byte) [][]byte
	}{{"in base64", fromBase64}, {"in hexadecimal", fromHex}, {"escaped", unescape}} {
		for _, plain := range view.decode(text) {
			all = append(all, findIn(plain, strings.TrimSpace(form+" "+view.form), decodings-1)...)
		}
	}
	return all
}

// Runs of characters that are long enough for the shortest secret.
var (
	base64Run = regexp.MustCompile(`[0-9A-Za-z+/_-]{9,}`)
	hexRun    = regexp.MustCompile(`[0-9A-Fa-f]{14,}`)
	escape    = regexp.MustCompile(`\+|%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}`)
)

// fromBase64 decodes every run from each of the four places where a group can
// begin, as it may stand right behind other text.
func fromBase64(text []byte) [][]byte {
	var all [][]byte
	for _, run := range base64Run.FindAll(text, -1) {
		run = bytes.ReplaceAll(bytes.ReplaceAll(run, []byte("-"), []byte("+")), []byte("_"), []byte("/"))
		for from := range 4 {
			plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)-from))
			n, _ := base64.RawStdEncoding.Decode(plain, run[from:]) // as far as it goes
			all = append(all, plain[:n])
		}
	}
	return all
}

// fromHex decodes every run from both places where a byte can begin.
func fromHex(text []byte) [][]byte {
	var all [][]byte
	for _, run := range hexRun.FindAll(text, -1) {
		for from := range 2 {
			digits := run[from : from+(len(run)-from)/2*2]
			plain := make([]byte, len(digits)/2)
			if _, err := hex.Decode(plain, digits); err == nil {
				all = append(all, plain)
			}
		}
	}
	return all
}

// unescape takes back what URLs, JSON and %q do to characters.
func unescape(text []byte) [][]byte {
	if !escape.Match(text) {
		return nil
	}
	return [][]byte{escape.ReplaceAllFunc(text, func(one []byte) []byte {
		if one[0] == '+' {
			return []byte(" ")
		}
		n, err := strconv.ParseUint(string(one[len(one)-2:]), 16, 8)
		if err != nil {
			return one
		}
		return []byte{byte(n)}
	})}
}
