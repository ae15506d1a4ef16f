package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPlaces: every marked scalar of the head is told once, as changed or as kept,
// and none of them stands in for another that prints alike.
func TestPlaces(t *testing.T) {
	const old, evil, good = "image: lake/web:3.7.1", "image: mud/web:66.0.0", "image: lake/web:3.7.2"
	for name, base := range map[string]string{
		"words":            "a:\n  IMAGE\nb:\n  IMAGE\n",
		"mappings":         "? {x: y}\n: IMAGE\n? {z: y}\n: IMAGE\n",
		"lists":            "? [x]\n: IMAGE\n? [y]\n: IMAGE\n",
		"list and empty":   "? [p]\n: IMAGE\n? \"\"\n: IMAGE\n",
		"aliases":          "n: &k q\n? *k\n: IMAGE\n? *k\n: IMAGE\n",
		"alias and word":   "n: &k q\n? *k\n: IMAGE\nk:\n  IMAGE\n",
		"number and text":  "1:\n  IMAGE\n\"1\":\n  IMAGE\n",
		"one key twice":    "a:\n  IMAGE\na:\n  IMAGE\n",
		"a dot and a step": "a.b:\n  IMAGE\na:\n  b:\n    IMAGE\n",
		"index and text":   "- IMAGE\n- \"[0]\":\n    IMAGE\n",
		"other order":      "a:\n  b: 1\n  IMAGE\nc:\n  IMAGE\n",
	} {
		t.Run(name, func(t *testing.T) {
			const marker = ` # {"$imagepolicy": "flux-system:web"}`
			fill := func(first, second string) string {
				return strings.Replace(strings.Replace(base, "IMAGE", first+marker, 1), "IMAGE", second+marker, 1)
			}
			head := fill(evil, good)
			if name == "other order" {
				head = strings.Replace(head, "a:\n  b: 1\n  "+evil+marker, "a:\n  "+evil+marker+"\n  b: 1", 1)
			}
			c := Compare([]byte(fill(old, old)), []byte(head))
			var got, want []string
			for _, ch := range c.Changes {
				got = append(got, fmt.Sprint(ch.New.Position, ch.New.Value))
			}
			for _, f := range c.Kept {
				got = append(got, fmt.Sprint(f.Position, f.Value))
			}
			for _, f := range Read([]byte(head)).Fields {
				want = append(want, fmt.Sprint(f.Position, f.Value))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || len(c.Changes) != 2 {
				t.Errorf("%d changes, told are %q, want %q", len(c.Changes), got, want)
			}
		})
	}
}

// TestComplexKeys: what stands in a key that is no plain word is compared, marked or
// not, and such a key is a defect wherever it stands.
func TestComplexKeys(t *testing.T) {
	const marker = ` # {"$imagepolicy": "flux-system:web"}` + "\n"
	const base = "image: x:1" + marker + "? {image: lake/web:1" + marker + "  }\n: 1\n"
	c := Compare([]byte(base), []byte(strings.Replace(strings.Replace(base, "x:1", "x:2", 1), "lake", "mud", 1)))
	if c.Outcome != Residue || !strings.Contains(fmt.Sprint(c.Residue), "mud") {
		t.Errorf("%s: %v", c.Outcome, c.Residue)
	}
	for _, text := range []string{"? [a]\n: 1\n", "a: {? {b: c} : 1}\n", "? [a]\n", "a: &k [x]\nb: {*k : 1}\n", "a: &k 1\nb: {*k : 1}\n",
		"a: &k !!str x\nb: {*k : 1}\n", "a: &k x\nb: {*k : 1, k: 2}\n", "a: &k x\nb: {k: 2, *k : 1}\n", "a: &k <<\nb: {*k : {}}\n"} {
		if rules := fmt.Sprint(Read([]byte(text)).Defects); !strings.Contains(rules, "yaml/complex-key") {
			t.Errorf("%q has only the defects %s", text, rules)
		}
	}
}
