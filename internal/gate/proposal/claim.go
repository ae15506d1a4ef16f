package proposal

import (
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// arrow is → in the ways that it is written, and as it looks after its three
// bytes were taken for Windows-1252 or Latin-1.
var (
	arrow  = pattern.Lazy("→|->|=>|⇒|➜|➔|⟶|â†’|â\u0086\u0092")
	bullet = pattern.Lazy(`^[\s>]*(?:[-*+]\s+|\d+[.)]\s+)?(?:\[[ xX]\]\s+)?`)
)

// What GitHub shows nothing of, or only by another face: links, tags, and emphasis, which
// begins or ends a word; an underline by itself is none.
var (
	link   = pattern.Lazy(`\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])`)
	tag    = pattern.Lazy(`</?[A-Za-z][^<>]*>`)
	opened = pattern.Lazy(`(^|[^A-Za-z0-9_])_+([A-Za-z0-9])`)
	closed = pattern.Lazy(`([A-Za-z0-9])_+($|[^A-Za-z0-9_])`)
	marks  = strings.NewReplacer("`", "", "*", "", "~~", "")
	coded  = pattern.Lazy(`\\u\{[0-9A-F]{4,6}\}`)
)

// shown is a line without the addresses of its links, tags, entities, the borders of a
// table and odd spaces.
func shown(line string) string {
	line = html.UnescapeString(tag().ReplaceAllString(link().ReplaceAllString(line, "$1"), ""))
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
	s = marks.Replace(s)
	all := strings.Fields(closed().ReplaceAllString(opened().ReplaceAllString(s, "$1$2"), "$1$2"))
	for i, word := range all {
		all[i] = coded().ReplaceAllStringFunc(word, func(c string) string {
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
var version = pattern.Lazy(`^v?\d+\.\d|^sha256:`)

// line is what stands around one arrow of a body.
type line struct {
	before   []string // the last words in front of the version
	from, to string
}

// maxWords are enough in front of a version: what they name stands near it.
const maxWords = 8

// lines are the arrows of a body, in their order.
func lines(body string) (all []line) {
	for text := range strings.Lines(body) {
		parts := arrow().Split(shown(text), -1)
		left := words(bullet().ReplaceAllString(parts[0], ""))
		for _, part := range parts[1:] {
			right := words(part)
			if len(left) == 0 || len(right) == 0 {
				break
			}
			l := line{left[:len(left)-1], left[len(left)-1], strings.TrimRight(right[0], ",;.)")}
			for i := slices.Index(l.before, "-"); i >= 0; i = slices.Index(l.before, "-") {
				l.before = l.before[i+1:] // a list whose line feeds a template took away
			}
			l.before = slices.Clip(l.before[max(0, len(l.before)-maxWords):])
			all = append(all, l)
			if len(right) == 1 { // of two arrows in a row the version in between belongs to both
				left = append(l.before, l.to)
			} else {
				left = append(l.before, right[1:]...)
			}
		}
	}
	return all
}

// book is what a change holds, by what a line can say of it.
type book struct {
	names    map[string]bool     // of its images, and the ends of these
	versions map[string][]Update // without names, by the tag and by the digest that they begin with
}

func newBook(held []Update) book {
	b := book{map[string]bool{}, map[string][]Update{}}
	for _, h := range held {
		b.names[h.Image] = true
		for i, c := range h.Image {
			if c == '/' || c == ':' {
				b.names[h.Image[i+1:]] = true
			}
		}
		h.Image, h.Step = "", ""
		for _, at := range unique([]string{h.From, h.FromDigest}) {
			if at != "" && !slices.Contains(b.versions[at], h) {
				b.versions[at] = append(b.versions[at], h)
			}
		}
	}
	delete(b.names, "")
	return b
}

// holds tells whether a line without a name means one of the updates.
func (b book) holds(u Update) bool {
	_, digest, _ := strings.Cut(u.From, "@")
	return slices.ContainsFunc(slices.Concat(b.versions[u.From], b.versions[digest]), u.means)
}

// claims are the updates that a body lists, for a change that holds some. A line counts
// that names one of its images; a whole reference, or a name with a version; or nothing but
// two versions, and is then about any image. Other lines are prose.
func claims(body string, held []Update) (all []Update) {
	book := newBook(held)
	for _, l := range lines(body) {
		if u, ok := l.claim(book); ok {
			all = append(all, u)
		}
	}
	return unique(all)
}

// claim reads a line. Versions are without a leading v.
func (l line) claim(held book) (Update, bool) {
	about := func(name string) Update {
		return Update{Image: name, From: plainVersion(l.from, name), To: plainVersion(l.to, name)}
	}
	versions := version().MatchString(plainVersion(l.from, "")) || version().MatchString(plainVersion(l.to, ""))
	if n := len(l.before) - 1; n >= 0 && strings.HasSuffix(l.before[n], ":") {
		u := about(strings.TrimSuffix(l.before[n], ":"))
		_, err := image.ParseName(u.Image)
		known := held.names[u.Image]
		return u, n == 0 && known || versions && (known || err == nil && (n == 0 || strings.Contains(u.Image, "/")))
	}
	if bare := about(""); len(l.before) == 0 && held.holds(bare) {
		return bare, true
	}
	if old, err := image.ParseRef(l.from); err == nil && (old.Tag != "" || old.Digest != "") && !version().MatchString(old.Name) {
		u := about(old.Name)
		if now, err := image.ParseRef(l.to); err == nil && (now.Tag != "" || now.Digest != "") {
			u.Image, u.To = now.Name, plainVersion(l.to, now.Name)
		}
		return u, held.names[u.Image] || strings.Contains(u.Image, "/") || version().MatchString(u.From) || version().MatchString(u.To)
	}
	for _, word := range slices.Backward(l.before) {
		if u := about(strings.Trim(word, "(),")); versions && held.names[u.Image] {
			return u, true
		}
	}
	numbered := strings.ContainsAny(l.from+l.to, "0123456789")
	return about(""), len(l.before) == 0 && numbered && alone(l.from) && alone(l.to)
}

// alone tells whether a word is a version without a name: a tag, a digest or both.
func alone(word string) bool {
	tag, digest, both := strings.Cut(word, "@")
	return image.ParseTag(word) == nil || image.ParseDigest(word) == nil ||
		both && image.ParseTag(tag) == nil && image.ParseDigest(digest) == nil
}
