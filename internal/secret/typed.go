package secret

// Typed says whether a text looks as if a person had thought it up. Random text has
// many characters, hardly counts or repeats, and is not made of words.
func Typed(s string) bool {
	steps, words, run, seen := 0, 0, 0, map[byte]bool{}
	for i := range len(s) {
		seen[s[i]] = true
		if i > 0 && max(s[i], s[i-1])-min(s[i], s[i-1]) <= 1 {
			steps++
		}
		if i == 0 || class(s[i]) == 0 || class(s[i]) != class(s[i-1]) {
			run = 0
		}
		if run++; class(s[i]) == 0 {
			continue
		}
		if run == wordLength {
			words += run
		} else if run > wordLength {
			words++
		}
	}
	return len(seen) < 8 || 3*steps > len(s) || 2*words > len(s)
}

// wordLength is from how many letters on they may be a word.
const wordLength = 4

// class tells small letters, capitals, and the rest apart.
func class(c byte) int {
	switch {
	case 'a' <= c && c <= 'z':
		return 1
	case 'A' <= c && c <= 'Z':
		return 2
	}
	return 0
}
