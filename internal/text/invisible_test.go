package text_test

import (
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Each range of a class is met at both of its ends, and left beside them.
func TestClassOf(t *testing.T) {
	for want, ranges := range map[text.Class][][2]rune{
		text.LineBreak: {{0x85, 0x85}, {0x2028, 0x2029}},
		text.Bidi:      {{0x061C, 0x061C}, {0x200E, 0x200F}, {0x202A, 0x202E}, {0x2066, 0x2069}},
		text.Invisible: {
			{0xAD, 0xAD}, {0x034F, 0x034F}, {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180E, 0x180E}, {0x200B, 0x200D},
			{0x2060, 0x2064}, {0x3164, 0x3164}, {0xFFA0, 0xFFA0}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
		},
		text.Control: {{0, 0x1F}, {0x7F, 0x84}, {0x86, 0x9F}},
		text.Visible: {{' ', '~'}, {0xFEFF, 0xFEFF}, {0xE9, 0xE9}, {0xFE0F, 0xFE0F}, {0x1F600, 0x1F600}},
	} {
		for _, r := range ranges {
			for c := r[0]; c <= r[1]; c++ {
				if got := text.ClassOf(c); got != want {
					t.Errorf("%U is of class %d, not %d", c, got, want)
				}
			}
			for _, beside := range []rune{r[0] - 1, r[1] + 1} {
				if text.ClassOf(beside) == want && want == text.Invisible {
					t.Errorf("%U is of class %d as well", beside, want)
				}
			}
		}
	}
}
