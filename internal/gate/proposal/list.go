package proposal

import (
	"cmp"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
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

// What GitHub shows nothing of, or only by another face: links, tags, and emphasis, which
// begins or ends a word; an underline by itself is none.
var (
	link   = regexp.MustCompile(`\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])`)
	tag    = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)
	opened = regexp.MustCompile(`(^|[^A-Za-z0-9_])_+([A-Za-z0-9])`)
	closed = regexp.MustCompile(`([A-Za-z0-9])_+($|[^A-Za-z0-9_])`)
	coded  = regexp.MustCompile(`\\u\{[0-9A-F]{4,6}\}`)
)

// shown is a line without the addresses of its links, tags, entities, the borders of a
// table and odd spaces.
func shown(line string) string {
	line = html.UnescapeString(tag.ReplaceAllString(link.ReplaceAllString(line, "$1"), ""))
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || c == '|' {
			return ' '
		}
		return c
	}, line)
}

// words are those of a text without Markdown's marks of code and emphasis, with the
// characters that cell gave by their code points.
func words(s string) []string {
	s = strings.NewReplacer("`", "", "*", "", "~~", "").Replace(s)
	all := strings.Fields(closed.ReplaceAllString(opened.ReplaceAllString(s, "$1$2"), "$1$2"))
	for i, word := range all {
		all[i] = coded.ReplaceAllStringFunc(word, func(c string) string {
			n, err := strconv.ParseInt(c[3:len(c)-1], 16, 32)
			if err != nil {
				return c
			}
			return string(rune(n))
		})
	}
	return all
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

// line is what stands around one arrow of a body.
type line struct {
	before   []string // words in front of the version
	from, to string
}

// lines are the arrows of a body, in their order.
func lines(body string) (all []line) {
	for text := range strings.Lines(body) {
		parts := arrow.Split(shown(text), -1)
		left := words(bullet.ReplaceAllString(parts[0], ""))
		for _, part := range parts[1:] {
			right := words(part)
			if len(left) == 0 || len(right) == 0 {
				break
			}
			l := line{left[:len(left)-1], left[len(left)-1], strings.TrimRight(right[0], ",;.)")}
			for i := slices.Index(l.before, "-"); i >= 0; i = slices.Index(l.before, "-") {
				l.before = l.before[i+1:] // a list whose line feeds a template took away
			}
			all = append(all, l)
			if len(right) == 1 { // of two arrows in a row the version in between belongs to both
				left = append(slices.Clip(l.before), l.to)
			} else {
				left = append(slices.Clip(l.before), right[1:]...)
			}
		}
	}
	return all
}

// claims are the updates that a body lists, for a change that holds some. A line counts
// that names one of its images; a whole reference, or a name with a version; or nothing but
// two versions, and is then about any image. Other lines are prose.
func claims(body string, held []Update) (all []Update) {
	for _, l := range lines(body) {
		if u, ok := l.claim(held); ok {
			all = append(all, u)
		}
	}
	return unique(all)
}

// claim reads a line. Versions are without a leading v.
func (l line) claim(held []Update) (Update, bool) {
	about := func(name string) Update {
		return Update{Image: name, From: plainVersion(l.from, name), To: plainVersion(l.to, name)}
	}
	known := func(u Update) bool { return slices.ContainsFunc(held, u.names) }
	versions := version.MatchString(plainVersion(l.from, "")) || version.MatchString(plainVersion(l.to, ""))
	if n := len(l.before) - 1; n >= 0 && strings.HasSuffix(l.before[n], ":") {
		u := about(strings.TrimSuffix(l.before[n], ":"))
		_, err := image.ParseName(u.Image)
		return u, n == 0 && known(u) || versions && (known(u) || err == nil && (n == 0 || strings.Contains(u.Image, "/")))
	}
	if bare := about(""); len(l.before) == 0 && slices.ContainsFunc(held, bare.means) {
		return bare, true
	}
	if old, err := image.ParseRef(l.from); err == nil && (old.Tag != "" || old.Digest != "") && !version.MatchString(old.Name) {
		u := about(old.Name)
		if now, err := image.ParseRef(l.to); err == nil && (now.Tag != "" || now.Digest != "") {
			u.Image, u.To = now.Name, plainVersion(l.to, now.Name)
		}
		return u, known(u) || strings.Contains(u.Image, "/") || version.MatchString(u.From) || version.MatchString(u.To)
	}
	for _, word := range slices.Backward(l.before) {
		if u := about(strings.Trim(word, "(),")); versions && known(u) {
			return u, true
		}
	}
	numbered := strings.ContainsAny(l.from+l.to, "0123456789")
	return about(""), len(l.before) == 0 && numbered && image.ParseTag(l.from) == nil && image.ParseTag(l.to) == nil
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
	told := make([]bool, len(listed))
	for _, h := range held {
		steps := walk(listed, h)
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

// walk gives the claims that lie on a way from where an update begins to where it ends.
func walk(listed []Update, h Update) []int {
	var begin, end []int
	after, before := map[string][]int{}, map[string][]int{}
	for i, l := range listed {
		if !l.names(h) || !l.keepsTag(h) {
			continue
		}
		if fits(l.From, h.From, h.FromDigest) {
			begin = append(begin, i)
		}
		if fits(l.To, h.To, h.ToDigest) {
			end = append(end, i)
		}
		after[l.From] = append(after[l.From], i)
		before[l.To] = append(before[l.To], i)
	}
	forth := reach(begin, func(i int) []int { return after[listed[i].To] })
	back := reach(end, func(i int) []int { return before[listed[i].From] })
	var on []int
	for i := range listed {
		if forth[i] && back[i] {
			on = append(on, i)
		}
	}
	return on
}

// reach gives what can be come to, what it begins with among it.
func reach(from []int, next func(int) []int) map[int]bool {
	seen := map[int]bool{}
	for len(from) > 0 {
		i := from[len(from)-1]
		from = from[:len(from)-1]
		if !seen[i] {
			seen[i] = true
			from = append(from, next(i)...)
		}
	}
	return seen
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
	from, _, beside := strings.Cut(u.From, "@")
	to, _, still := strings.Cut(u.To, "@")
	return h.From != h.FromDigest || h.From == "" || !beside || !still || from == to
}

// fits tells whether a line's version is the one that is held: a tag, its digest, or both.
func fits(claim, held, digest string) bool {
	tag, claimed, both := strings.Cut(claim, "@")
	return claim == held || digest != "" && claim == digest || both && claimed == digest && (tag == held || held == digest)
}
