package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const marked = ` # {"$imagepolicy": "flux-system:app:tag"}` + "\n"

// TestReadFields: what is a marker, and what only looks like one.
func TestReadFields(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string // setter path value
		look int      // look-alikes reported
	}{
		"block value":        {"a:\n  tag: 1.2.3" + marked, []string{"flux-system:app:tag a.tag 1.2.3"}, 0},
		"whole":              {`image: x:1 # {"$imagepolicy": "ns:p"}`, []string{"ns:p image x:1"}, 0},
		"no space":           {`image: x:1 #{"$imagepolicy":"ns:p"}`, []string{"ns:p image x:1"}, 0},
		"two hashes":         {`image: x:1 ## {"$imagepolicy": "ns:p"}`, []string{"ns:p image x:1"}, 0},
		"extra string key":   {`image: x:1 # {"$imagepolicy": "ns:p", "a": "b"}`, []string{"ns:p image x:1"}, 0},
		"last of two keys":   {`image: x:1 # {"$imagepolicy": "ns:p", "$imagepolicy": "ns:q"}`, []string{"ns:q image x:1"}, 0},
		"escaped key":        {`image: x:1 # {"\u0024imagepolicy": "ns:p"}`, []string{"ns:p image x:1"}, 0},
		"quoted value":       {`image: "x:1" # {"$imagepolicy": "ns:p"}`, []string{"ns:p image x:1"}, 0},
		"list item":          {"l:\n- x:1 # {\"$imagepolicy\": \"ns:p\"}\n", []string{"ns:p l[0] x:1"}, 0},
		"above a list item":  {"l:\n# {\"$imagepolicy\": \"ns:p\"}\n- x:1\n", []string{"ns:p l[0] x:1"}, 0},
		"literal block":      {"a: | # {\"$imagepolicy\": \"ns:p\"}\n  x:1\n", []string{"ns:p a x:1\n"}, 0},
		"second document":    {"a: 1\n---\nb: x:1 # {\"$imagepolicy\": \"ns:p\"}\n", []string{"ns:p b x:1"}, 0},
		"above a key":        {"# {\"$imagepolicy\": \"ns:p\"}\nimage: x:1\n", nil, 1},
		"trailing text":      {`image: x:1 # {"$imagepolicy": "ns:p"} x`, nil, 1},
		"leading text":       {`image: x:1 # x {"$imagepolicy": "ns:p"}`, nil, 1},
		"number":             {`image: x:1 # {"$imagepolicy": 1}`, nil, 1},
		"other case":         {`image: x:1 # {"$ImagePolicy": "ns:p"}`, nil, 1},
		"unknown part":       {`image: x:1 # {"$imagepolicy": "ns:p:image"}`, nil, 1},
		"slash":              {`image: x:1 # {"$imagepolicy": "ns/p"}`, nil, 1},
		"percent":            {`image: x:1 # {"$imagepolicy": "ns%3Ap"}`, nil, 1},
		"substitution":       {`image: x:1 # {"$imagepolicy": "ns:${p}"}`, nil, 1},
		"on a collection":    {`a: [x:1] # {"$imagepolicy": "ns:p"}`, nil, 1},
		"on an alias":        {"a: &a x:1\nb: *a # {\"$imagepolicy\": \"ns:p\"}\n", nil, 1},
		"on a null":          {`tag: # {"$imagepolicy": "ns:p:tag"}`, nil, 1},
		"inside a block":     {"a: |\n  b # {\"$imagepolicy\": \"ns:p\"}\n", nil, 0},
		"commented-out line": {"a: 1\n# image: x:1 # {\"$imagepolicy\": \"ns:p\"}\n", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			file := Read([]byte(tc.text))
			var got []string
			for _, f := range file.Fields {
				got = append(got, f.Marker.Setter()+" "+f.Path+" "+f.Value)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			look := 0
			for _, d := range file.Defects {
				if d.Rule == "policy/lookalike" {
					look++
				}
			}
			if look != tc.look {
				t.Errorf("%d look-alikes, want %d: %+v", look, tc.look, file.Defects)
			}
		})
	}
}

func TestReadPlaces(t *testing.T) {
	file := Read([]byte("---\n# c\na: 1\n---\nspec:\n  x: &v\n    images:\n    - newTag: \"1.2.3\"" + marked + "  \"odd.key\": *v\n"))
	want := []Field{{
		Marker:   Marker{"flux-system", "app", Tag},
		Position: Position{8, 15}, Document: 1, Path: "spec.x.images[0].newTag", Key: "newTag",
		Value: "1.2.3", Resolved: "str", Aliases: []Position{{9, 14}},
	}}
	if diff := cmp.Diff(want, file.Fields); diff != "" {
		t.Error(diff)
	}
}

// TestReadPlacesPastBreaks: places are in lines as Git counts them, whatever
// else YAML takes for a line break.
func TestReadPlacesPastBreaks(t *testing.T) {
	for _, br := range []string{"\u0085", "\u2028", "\u2029", "\r"} {
		file := Read([]byte("---\na: 1 # c" + br + "b: x # {\"$imagepolicy\": \"n:p\"}\nc: y # {\"$imagepolicy\": \"n:q\"}\n"))
		var got []Position
		for _, f := range file.Fields {
			got = append(got, f.Position)
		}
		if diff := cmp.Diff([]Position{{2, 13}, {3, 4}}, got); diff != "" {
			t.Errorf("%q: %s", br, diff)
		}
	}
}

// TestReadDefects: each thing that two readers could read differently is
// reported by its own rule, at its place.
func TestReadDefects(t *testing.T) {
	for name, tc := range map[string]struct {
		text, rule string
		line       int
	}{
		"duplicate key":           {"a: 1\nb: 2\na: 3\n", "yaml/duplicate-key", 3},
		"duplicate in flow":       {"x: {a: 1, \"a\": 2}\n", "yaml/duplicate-key", 1},
		"next line":               {"a: 1 # c\u0085b: 2\n", "yaml/line-break", 1},
		"line separator":          {"a: 1 # c\u2028b: 2\n", "yaml/line-break", 1},
		"paragraph separator":     {"a: 1\nb: 1 # c\u2029c: 2\n", "yaml/line-break", 2},
		"carriage return":         {"a: 1 # c\rb: 2\n", "yaml/line-break", 1},
		"bidi":                    {"a: 1 # \u202etxet\n", "yaml/bidi", 1},
		"zero width":              {"a\u200b: 1\n", "yaml/invisible", 1},
		"tag characters":          {"a: 1 # \U000E0041\n", "yaml/invisible", 1},
		"control":                 {"a: \"\x01\"\n", "yaml/control", 1},
		"byte order mark inside":  {"a: 1\n\ufeffb: 2\n", "yaml/bom", 2},
		"after the end":           {"a: 1\n...\nb: 2\n", "yaml/document-end", 2},
		"document after the end":  {"a: 1\n... # x\n--- {b: 2}", "yaml/document-end", 3},
		"invalid UTF-8":           {"a: \xff\n", "yaml/utf8", 1},
		"UTF-16":                  {"\xff\xfea\x00", "yaml/utf8", 1},
		"unreadable":              {"a: 1\n b: [\n", "yaml/unreadable", 2},
		"content on separator":    {"a: 1\n--- b\nc: 1\n", "yaml/unreadable", 2},
		"directive":               {"%YAML 1.1\n---\na: 1\n", "yaml/directive", 1},
		"deep":                    {strings.Repeat("[", 200) + strings.Repeat("]", 200), "yaml/depth", 1},
		"alias bomb":              {bomb(9), "yaml/alias-bomb", 1},
		"self alias":              {"a: &a [*a]\n", "yaml/alias-bomb", 1},
		"explicit tag":            {"tag: !!str 1.2" + marked, "yaml/tag", 1},
		"broken tag":              {"a: b\ntag: !!int v2.2.22" + marked, "yaml/broken-tag", 2},
		"broken null":             {"tag: !!null 1.2.4" + marked, "yaml/broken-tag", 1},
		"escape":                  {"tag: \"1\\x2e2.3\"" + marked, "yaml/escape", 1},
		"escape on a later line":  {"tag: \"1.2.3\\\n  \"" + marked, "yaml/escape", 1},
		"float":                   {"tag: 1.10" + marked, "yaml/not-string", 1},
		"exponent":                {"tag: 1e3" + marked, "yaml/not-string", 1},
		"infinity":                {"tag: 7e15301" + marked, "yaml/not-string", 1},
		"hexadecimal":             {"tag: 0x1F" + marked, "yaml/not-string", 1},
		"octal":                   {"tag: 0o17" + marked, "yaml/not-string", 1},
		"old octal":               {"tag: 0123" + marked, "yaml/not-string", 1},
		"boolean":                 {"tag: true" + marked, "yaml/not-string", 1},
		"old boolean":             {"tag: on" + marked, "yaml/not-string", 1},
		"date":                    {"tag: 2024-01-02" + marked, "yaml/not-string", 1},
		"null":                    {"tag: ~" + marked, "yaml/not-string", 1},
		"not a number":            {"tag: .nan" + marked, "yaml/not-string", 1},
		"digits with underscores": {"tag: 1_000" + marked, "yaml/not-string", 1},
	} {
		t.Run(name, func(t *testing.T) {
			defects := Read([]byte(tc.text)).Defects
			if !slices.ContainsFunc(defects, func(d Defect) bool { return d.Rule == tc.rule && d.Line == tc.line }) {
				t.Errorf("no %s on line %d: %+v", tc.rule, tc.line, defects)
			}
		})
	}
}

// TestReadClean: what honest files hold is no defect.
func TestReadClean(t *testing.T) {
	for name, text := range map[string]string{
		"version":             "tag: 1.2.3" + marked,
		"quoted number":       "tag: \"1.10\"" + marked,
		"single quotes":       `tag: '1\10'` + marked,
		"CRLF":                "a: 1\r\nb: 2\r\n",
		"leading BOM":         "\ufeffa: 1\n",
		"emoji":               "a: \"🚀\" # ✓ ü 中\n",
		"end then document":   "a: 1\n...\n---\nb: 2\n",
		"end at the end":      "a: 1\n...\n",
		"empty documents":     "---\n---\na: 1\n---\n",
		"same key elsewhere":  "a: {x: 1}\nb: {x: 1}\n",
		"aliases":             "a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n",
		"separator comment":   "a: 1\n--- # c\nb: 2\n",
		"percent in the line": "a: 100%\n",
	} {
		t.Run(name, func(t *testing.T) {
			file := Read([]byte(text))
			if file.Err != nil || len(file.Defects) > 0 {
				t.Errorf("%v %+v", file.Err, file.Defects)
			}
		})
	}
}

func bomb(n int) string {
	var b strings.Builder
	b.WriteString("x0: &x0 [1]\n")
	for i := 1; i < n; i++ {
		prev := "*x" + string(rune('0'+i-1))
		b.WriteString("x" + string(rune('0'+i)) + ": &x" + string(rune('0'+i)) + " [" + strings.Repeat(prev+", ", 9) + prev + "]\n")
	}
	return b.String()
}
