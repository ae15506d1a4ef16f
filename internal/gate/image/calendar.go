package image

import (
	"slices"
	"strconv"
	"strings"
)

// parseCalendar reads a tag as a calendar version: two to six numbers, of which
// the first is a year from 2000 to 2199, or one from 10 to 99 with a month
// behind it. A suffix stands after a hyphen; the beta of 2023.9.0b1 is taken
// as well.
func parseCalendar(tag string) (release, bool) {
	s := parseShape(tag)
	if s.prefix != "" || len(s.numbers) < 2 || len(s.numbers) > 6 {
		return release{}, false
	}
	r := release{v: s.v}
	for _, text := range s.numbers {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return release{}, false
		}
		r.numbers = append(r.numbers, n)
	}
	year, month := r.numbers[0], r.numbers[1]
	long := 2000 <= year && year <= 2199
	short := 10 <= year && year <= 99 && 1 <= month && month <= 12
	if !long && !short {
		return release{}, false
	}
	if s.rest == "" {
		return r, true
	}
	suffix, hyphen := strings.CutPrefix(s.rest, "-")
	if suffix == "" || !hyphen && splitSuffix(suffix).variant != "" {
		return release{}, false
	}
	r.suffix = suffix
	return r, true
}

func compareCalendar(old, new string) tagStep {
	if trimV(old) == trimV(new) {
		return onlyV()
	}
	a, ok := parseCalendar(old)
	b, ok2 := parseCalendar(new)
	if !ok || !ok2 {
		return compareShapes(old, new)
	}
	if (a.numbers[0] < 100) != (b.numbers[0] < 100) {
		// 24.1 and 2024.1 are years of two calendars.
		return tagStep{words: []string{"incomparable"}}
	}
	if !isShortened(parseShape(old).numbers, parseShape(new).numbers) {
		return compareReleases(a, b, riseCalendar)
	}
	a.numbers = a.numbers[:len(b.numbers)]
	s := compareReleases(a, b, riseCalendar)
	s.add("floating")
	return s
}

// riseCalendar gives minor for a new year or the number behind it. A calendar
// leaves months out without a meaning, so nothing counts as skipped.
func riseCalendar(old, new []uint64) (word string, skipped uint64) {
	if slices.Equal(old[:2], new[:2]) {
		return "patch", 0
	}
	return "minor", 0
}
