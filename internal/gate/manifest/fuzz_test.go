package manifest

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"

	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// seeds are small files that hold what YAML can do, and, where they lie at
// hand, the oracle's.
func seeds(f *testing.F) [][]byte {
	list := [][]byte{
		[]byte("a:\n- tag: 1.2.3" + marked + "  b: >\n    x\n\n     y\n"),
		[]byte("x: &a {image: \"x:1\"} # c\ny: *a\n---\n<<: *a\ntag: 1.10" + marked),
		[]byte("a: |\n  t # {\"$imagepolicy\": \"n:p\"}\n...\n---\n? k\n: v\n"),
		[]byte("metadata: {}\nannotations:\ntag: '1'" + marked),
	}
	dir, missing := sharedtest.Find(f, "corpus", "oracle")
	if missing != "" {
		return list
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*", "before.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil {
			list = append(list, data)
		}
	}
	return list
}

func FuzzRead(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := Read(data)
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, x := range file.Fields {
			if x.Line < 1 || x.Line > lines || x.Column < 1 {
				t.Errorf("field outside the file: %+v", x)
			}
		}
		for _, d := range file.Defects {
			if d.Line < 1 || d.Line > lines+1 || d.Rule == "" || d.Message == "" {
				t.Errorf("defect outside the file: %+v", d)
			}
		}
	})
}

func FuzzReproduce(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, "1.2.4")
	}
	f.Fuzz(func(t *testing.T, base []byte, tag string) {
		if len(base) > 1<<16 {
			return
		}
		file := Read(base)
		setters := map[string]string{}
		for _, x := range file.Fields {
			setters[x.Marker.Setter()] = tag
		}
		out, err := reproduce(base, setters, derived, false)
		if err != nil || bytes.Equal(out, base) {
			return
		}
		// What the writer writes is what Compare calls reproduced.
		if got := Compare(base, out); got.Outcome != Reproduced && clean(file) && clean(Read(out)) && valid(tag) {
			t.Errorf("%s: %+v\nbase %q\nhead %q", got.Outcome, got.Residue, base, out)
		}
	})
}

// valid tells whether a value can be a tag at all: others may be written in a
// form that no longer carries its marker.
func valid(tag string) bool {
	return tag != "" && strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

func clean(file File) bool {
	for _, d := range file.Defects {
		if strings.HasPrefix(d.Rule, "yaml/") && d.Rule != "yaml/not-string" {
			return false
		}
	}
	return file.Err == nil
}

// FuzzCompare holds the gate's central promise against the reader that
// Kubernetes uses: without residue, loss or defect, base and head decode to
// equal values once the marked ones are blanked.
func FuzzCompare(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, s)
		f.Add(s, bytes.Replace(s, []byte("1.2.3"), []byte("1.2.4"), 1))
		f.Add(s, bytes.Replace(s, []byte("1.2.3"), []byte("1.2.4\nhostNetwork: true"), 1))
	}
	f.Fuzz(func(t *testing.T, base, head []byte) {
		if len(base) > 1<<14 || len(head) > 1<<14 {
			return
		}
		c := Compare(base, head)
		if c.Outcome != Reproduced && c.Outcome != Equivalent || len(c.Residue)+len(c.Losses) > 0 {
			return
		}
		before, after := Read(base), Read(head)
		if !clean(before) || !clean(after) {
			return
		}
		a, b := blankMarked(before), blankMarked(after)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s, but\n%#v\n%#v\nbase %q\nhead %q", c.Outcome, a, b, base, head)
		}
	})
}

// blankMarked replaces the marked scalars and decodes each document with the
// reader that Kubernetes uses.
func blankMarked(file File) []any {
	var docs []any
	for _, doc := range file.docs {
		blank(doc.root)
		text, err := yaml.Marshal(doc.node)
		if err != nil {
			docs = append(docs, "not writable")
			continue
		}
		var v any
		if err := sigs.Unmarshal(text, &v); err != nil {
			v = "not decodable"
		}
		docs = append(docs, v)
	}
	return docs
}

func blank(n *yaml.Node) {
	if _, ok := markerOf(n); ok && n.Kind == yaml.ScalarNode {
		n.Value, n.Tag, n.Style = "blank", "!!str", yaml.DoubleQuotedStyle
	}
	for _, child := range n.Content {
		blank(child)
	}
}

func bytesReplace(data []byte, from, to string) []byte {
	return bytes.Replace(data, []byte(from), []byte(to), 1)
}

func settersOf(data []byte) map[string]string {
	setters := map[string]string{}
	for _, f := range Read(data).Fields {
		setters[f.Marker.Setter()] = f.Value
	}
	return setters
}
