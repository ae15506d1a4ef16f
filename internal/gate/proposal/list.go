package proposal

import (
	"cmp"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Update is one line of a body's list.
type Update struct {
	// Image is the image's name without tag and digest, or what is known in
	// its place, such as the policy's namespace:name.
	Image string
	// From and To are tags, or digests where only the digest moved.
	From, To string
	// Step is what kind of step it is; it is not part of the line.
	Step string
	// FromDigest and ToDigest are the digests beside the tags, which a line may claim.
	FromDigest, ToDigest string
}

// Line is the update as a body lists it, such as
// "- ghcr.io/acme/app: v1.4.2 → v1.4.3". It is safe Markdown whatever the
// update holds.
func (u Update) Line() string {
	return fmt.Sprintf("- %s: %s → %s", cell(u.Image), cell(u.From), cell(u.To))
}

// List is the lines of the updates in their order, each once: several places
// of one image with one step are one update.
func List(updates []Update) []string {
	return unique(text.Each(updates, Update.Line))
}

// nothing stands for a version that is not there.
const nothing = "–"

// acting is what GitHub makes more of than text, among the letters that names,
// tags and digests are made of.
var acting = regexp.MustCompile(`(?i)://|\bwww\.|\bgh-[0-9]|:[a-z0-9_+-]+(:|$)|(^|[^A-Za-z0-9])_|_([^A-Za-z0-9]|$)|__`)

// cell is text in a line: as it is where that is safe, else as code, with every
// character by its code point that has no place in an image.
func cell(s string) string {
	if s == "" {
		return nothing
	}
	plain := strings.IndexFunc(s, func(c rune) bool { return !atHome(c) }) < 0
	switch {
	case plain && !acting.MatchString(s):
		return s
	case plain:
		return "`" + s + "`"
	}
	var b strings.Builder
	b.WriteByte('`')
	for _, c := range s {
		if atHome(c) {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, `\u{%04X}`, c)
		}
	}
	b.WriteByte('`')
	return b.String()
}

// atHome tells whether names, tags and digests are made of c.
func atHome(c rune) bool {
	return c <= unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("._/:+-", c))
}

// arrow is → in the ways that it is written, and as it looks after its three
// bytes were taken for Windows-1252 or Latin-1.
var (
	arrow  = regexp.MustCompile("→|->|=>|⇒|➜|➔|⟶|â†’|â\u0086\u0092")
	bullet = regexp.MustCompile(`^[\s>]*(?:[-*+]\s+|\d+[.)]\s+)?(?:\[[ xX]\]\s+)?`)
)

// Parse reads the updates that a body lists, in their order: lines such as
// "- ghcr.io/acme/app: v1.4.2 → v1.4.3", with or without bullet and Markdown's
// quotes, and "- app:1.4.2 -> app:1.4.3". Other lines are prose. Versions are
// given without a leading v.
func Parse(body string) []Update {
	var out []Update
	for line := range strings.Lines(body) {
		if u, ok := parseLine(line); ok {
			out = append(out, u)
		}
	}
	return out
}

func parseLine(line string) (Update, bool) {
	line = shown(line)
	cut := arrow.FindStringIndex(line)
	if cut == nil {
		return Update{}, false
	}
	left := unmark(bullet.ReplaceAllString(line[:cut[0]], ""))
	right := strings.Fields(unmark(line[cut[1]:]))
	if left == "" || len(right) == 0 {
		return Update{}, false
	}
	to := strings.TrimRight(right[0], ",;.)")
	if name, from, ok := cutLast(left, ": "); ok && !strings.ContainsAny(strings.TrimSpace(from), " \t") {
		return Update{Image: strings.TrimSpace(name), From: plainVersion(strings.TrimSpace(from), name), To: plainVersion(to, name)}, true
	}
	old, err := image.ParseRef(left)
	if err != nil || old.Tag == "" && old.Digest == "" {
		return Update{}, false
	}
	return Update{Image: old.Name, From: plainVersion(left, old.Name), To: plainVersion(to, old.Name)}, true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// What GitHub shows nothing of, or only by another face: links, tags, and emphasis, which
// begins or ends a word; an underline by itself is none.
var (
	link   = regexp.MustCompile(`\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])`)
	tag    = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)
	opened = regexp.MustCompile(`(^|[^A-Za-z0-9_])_+([A-Za-z0-9])`)
	closed = regexp.MustCompile(`([A-Za-z0-9])_+($|[^A-Za-z0-9_])`)
)

// shown is a line without the addresses of its links, tags, entities and odd spaces.
func shown(line string) string {
	line = html.UnescapeString(tag.ReplaceAllString(link.ReplaceAllString(line, "$1"), ""))
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return ' '
		}
		return c
	}, line)
}

// unmark drops Markdown's marks of code and emphasis.
func unmark(s string) string {
	s = strings.NewReplacer("`", "", "*", "", "~~", "").Replace(s)
	return strings.TrimSpace(closed.ReplaceAllString(opened.ReplaceAllString(s, "$1$2"), "$1$2"))
}

// plainVersion is a version without the image's name before it and without a v.
func plainVersion(s, name string) string {
	s = strings.TrimLeft(strings.TrimPrefix(s, name), ":@")
	if len(s) > 1 && s[0] == 'v' && s[1] >= '0' && s[1] <= '9' {
		return s[1:]
	}
	return s
}

// version is what no prose has on both sides of an arrow.
var version = regexp.MustCompile(`^v?\d+\.\d|^sha256:`)

// Claims are the updates that a body lists, for a change that holds some: lines that
// name one of its images, or any image with a version. Others with an arrow, such as
// "Promotes: staging → main", are prose. What is listed in several steps is one.
func Claims(body string, held []Update) []Update {
	held = spoken(held)
	var out []Update
	for _, l := range Parse(body) {
		_, err := image.ParseName(l.Image)
		legal := err == nil && (version.MatchString(l.From) || version.MatchString(l.To))
		if !legal && !slices.ContainsFunc(held, l.names) {
			continue
		}
		before := slices.IndexFunc(out, func(o Update) bool {
			return o.Image == l.Image && o.To == l.From && !slices.ContainsFunc(held, o.means)
		})
		if before >= 0 && !slices.ContainsFunc(held, l.means) {
			out[before].To = l.To
		} else {
			out = append(out, l)
		}
	}
	return out
}

// spoken is what List would write, read back: only so do a body and a change speak
// one language. The digests beside stay.
func spoken(held []Update) []Update {
	var out []Update
	for _, h := range held {
		for _, u := range Parse(h.Line()) {
			u.FromDigest, u.ToDigest = h.FromDigest, h.ToDigest
			out = append(out, u)
		}
	}
	return unique(out)
}

// Compare holds a body's list against the updates of a change, as sets. extra
// is what only the body has, missing what it leaves out; both are sorted. A
// body may call an image by the end of its name, and a digest beside its tag.
func Compare(listed, held []Update) (missing, extra []Update) {
	held = spoken(held)
	found := make([]bool, len(held))
	for _, l := range unique(listed) {
		i := slices.IndexFunc(held, l.means)
		// A short name can mean two images: take one that is not yet found.
		for k, h := range held {
			if l.means(h) && !found[k] {
				i = k
				break
			}
		}
		if i < 0 {
			extra = append(extra, l)
			continue
		}
		// Nor is an image with a digest in one place, and without in another, two.
		for k, h := range held {
			found[k] = found[k] || h.Image == held[i].Image && h.From == held[i].From && h.To == held[i].To
		}
	}
	for i, h := range held {
		if !found[i] {
			missing = append(missing, h)
		}
	}
	slices.SortFunc(missing, inOrder)
	slices.SortFunc(extra, inOrder)
	return missing, extra
}

func inOrder(a, b Update) int {
	return cmp.Or(cmp.Compare(a.Image, b.Image), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

func unique[T comparable](all []T) []T {
	var out []T
	for _, u := range all {
		if !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

// names tells whether u, a line of a body, is about the image of h.
func (u Update) names(h Update) bool {
	return h.Image == u.Image || strings.HasSuffix(h.Image, "/"+u.Image) || strings.HasSuffix(h.Image, ":"+u.Image)
}

// means tells whether u, a line of a body, speaks of h.
func (u Update) means(h Update) bool {
	fromTag, from := fits(u.From, h.From, h.FromDigest)
	toTag, to := fits(u.To, h.To, h.ToDigest)
	// Where the digest alone moved, what tag it is beside is not known here.
	return u.names(h) && from && to && (h.From != h.FromDigest || fromTag == toTag)
}

// fits tells whether a line's version is the one that is held: a tag, its digest, or
// both; and which tag it claims.
func fits(claim, held, digest string) (tag string, ok bool) {
	tag, claimed, both := strings.Cut(claim, "@")
	if !both {
		return "", claim == held || digest != "" && claim == digest
	}
	return tag, claimed == digest && (tag == held || held == digest)
}
