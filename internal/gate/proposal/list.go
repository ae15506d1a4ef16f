package proposal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
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
var acting = pattern.Lazy(`(?i)://|\bwww\.|\bgh-[0-9]|:[a-z0-9_+-]+(:|$)|(^|[^A-Za-z0-9])_|_([^A-Za-z0-9]|$)|__`)

// cell is text in a line: as it is where that is safe, else as code, with every
// character by its code point that has no place in an image.
func cell(s string) string {
	if s == "" {
		return nothing
	}
	plain := strings.IndexFunc(s, func(c rune) bool { return !atHome(c) }) < 0
	switch {
	case plain && !acting().MatchString(s):
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

// spoken is what List would write, read back: only so do a body and a change speak
// one language. The digests beside stay.
func spoken(held []Update) []Update {
	var out []Update
	for _, h := range held {
		for _, l := range lines(h.Line()) {
			name := strings.TrimSuffix(l.before[0], ":")
			out = append(out, Update{Image: name, From: plainVersion(l.from, name), To: plainVersion(l.to, name),
				FromDigest: h.FromDigest, ToDigest: h.ToDigest})
		}
	}
	return unique(out)
}

// Compare holds what a body lists against the updates of a change, as sets. extra is
// what only the body has, missing what its list leaves out; both are sorted, and empty
// where it has no list. A body may call an image by the end of its name, or say a version
// alone; a digest beside its tag, or either; and an update in steps that add up to it.
// One with versions alone leaves nothing out unless it is to be whole: Flux's messages of
// that form tell of one of the objects that have no name.
func Compare(body string, held []Update, whole bool) (missing, extra []Update) {
	held = spoken(held)
	listed := claims(body, held)
	if len(listed) == 0 {
		return nil, nil
	}
	whole = whole || !slices.ContainsFunc(listed, func(u Update) bool { return u.Image == "" })
	ways, told := newWays(listed), make([]bool, len(listed))
	for _, h := range held {
		steps := ways.of(h)
		if len(steps) == 0 && whole {
			missing = append(missing, h)
		}
		for _, i := range steps {
			told[i] = true
		}
	}
	for i, l := range listed {
		if !told[i] {
			extra = append(extra, l)
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
	seen := map[T]bool{}
	for _, u := range all {
		if !seen[u] {
			seen[u] = true
			out = append(out, u)
		}
	}
	return out
}

// names tells whether u, a line of a body, is about the image of h, or about any.
func (u Update) names(h Update) bool {
	return u.Image == "" || h.Image == u.Image || strings.HasSuffix(h.Image, "/"+u.Image) || strings.HasSuffix(h.Image, ":"+u.Image)
}

// means tells whether u, a line of a body, speaks of h.
func (u Update) means(h Update) bool {
	return u.names(h) && u.keepsTag(h) && fits(u.From, h.From, h.FromDigest) && fits(u.To, h.To, h.ToDigest)
}

// keepsTag tells whether a line of a body can be about h by its tags: where the digest alone
// moved, what tag it is beside is not known here.
func (u Update) keepsTag(h Update) bool {
	if h.From != h.FromDigest || h.From == "" {
		return true
	}
	from, _, beside := strings.Cut(u.From, "@")
	to, _, still := strings.Cut(u.To, "@")
	return !beside || !still || from == to
}

// fits tells whether a line's version is the one that is held: a tag, its digest, or both.
func fits(claim, held, digest string) bool {
	tag, claimed, both := strings.Cut(claim, "@")
	return claim == held || digest != "" && claim == digest || both && claimed == digest && (tag == held || held == digest)
}
