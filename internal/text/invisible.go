package text

import "unicode"

// Class says in which way a character is not what a person sees.
type Class int

// The classes.
const (
	Visible   Class = iota // none of those below
	LineBreak              // YAML readers start a new line there, Git and GitHub do not
	Bidi                   // changes the order in which text is shown
	Invisible              // shows nothing, and is no space
	Control                // a control character; line feed, tab and carriage return are among them
)

// ClassOf gives the class of a character. A byte order mark is visible here: at
// the start of a file it is none of a person's business.
func ClassOf(r rune) Class {
	switch {
	case r == nextLine || r == lineSeparator || r == paragraphSeparator:
		return LineBreak
	case unicode.Is(unicode.Bidi_Control, r):
		return Bidi
	case unicode.Is(invisible, r):
		return Invisible
	case unicode.IsControl(r):
		return Control
	}
	return Visible
}

// Legible tells whether a person who reads the text sees the character for what
// it is.
func Legible(r rune) bool { return unicode.IsGraphic(r) && ClassOf(r) == Visible }

const (
	nextLine           = '\u0085'
	lineSeparator      = '\u2028'
	paragraphSeparator = '\u2029'
	blankBraille       = '\u2800'
)

// invisible are the characters that show nothing wherever they stand. Variation
// selectors are not among them: emojis need them.
var invisible = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00AD, 0x00AD, 1}, // soft hyphen
		{0x034F, 0x034F, 1}, // combining grapheme joiner
		{0x115F, 0x1160, 1}, // Hangul fillers
		{0x17B4, 0x17B5, 1}, // Khmer inherent vowels
		{0x180E, 0x180E, 1}, // Mongolian vowel separator
		{0x200B, 0x200D, 1}, // zero width: space, non-joiner, joiner
		{0x2060, 0x2064, 1}, // word joiner, invisible operators
		{0x3164, 0x3164, 1}, // Hangul filler
		{0xFFA0, 0xFFA0, 1}, // Hangul filler, half width
		{0xFFF9, 0xFFFB, 1}, // interlinear annotation
	},
	R32:         []unicode.Range32{{0xE0000, 0xE0FFF, 1}}, // tags, and variation selectors for ideographs
	LatinOffset: 1,
}
