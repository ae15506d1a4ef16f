package gitrepo

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

const (
	testTree   = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
	testPeople = "author A <a@b> 1 +0000\ncommitter C <c@d> 2 -0130\n"
)

// FuzzParseContent holds the strict reading against the lenient one and the
// payload against the object.
func FuzzParseContent(f *testing.F) {
	f.Add([]byte(testTree + testPeople + "\nmessage\n"))
	f.Add([]byte(testTree + strings.Replace(testTree, "tree", "parent", 1) + testPeople + "gpgsig a\n b\n c\nencoding x\n\nm"))
	f.Add([]byte(testTree + testPeople + "gpgsig-sha256 a\ngpgsig b\nmergetag object\n type\n\nm\n\ngpgsig x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseContent(bytes.Clone(data))
		n, lenient := parseNode(data)
		if err != nil {
			return
		}
		if lenient != nil {
			t.Fatalf("read strictly, but not at all: %v", lenient)
		}
		if c.committer.When.Unix() != n.when {
			t.Errorf("committed at %d or %d", c.committer.When.Unix(), n.when)
		}
		head, message, _ := strings.Cut(string(data), "\n\n")
		if strings.Count(head, "\nparent ") != len(n.parents) || message != c.message {
			t.Errorf("%d parents, message %q", len(n.parents), c.message)
		}
		// The payload is the object without the lines of signatures.
		var kept []string
		skip := false
		for line := range strings.Lines(head + "\n") {
			if skip = strings.HasPrefix(line, "gpgsig") || skip && line[0] == ' '; !skip {
				kept = append(kept, line)
			}
		}
		if want := strings.Join(kept, "") + "\n" + message; string(c.payload) != want {
			t.Errorf("payload %q, want %q", c.payload, want)
		}
	})
}

// FuzzParseTree makes sure that what is read is one tree only: written out
// again it gives the same bytes, and no name is there twice.
func FuzzParseTree(f *testing.F) {
	id := strings.Repeat("i", hashSize)
	f.Add([]byte("100644 a\x00" + id + "40000 b\x00" + id))
	f.Add([]byte("100644 a\x00" + id + "100755 a.b\x00" + id + "40000 a\x00" + id))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseTree(data)
		if err != nil {
			return
		}
		var names []string
		size := 0
		for _, e := range entries {
			names = append(names, e.Name)
			size += len(e.Name) + 2 + hashSize
		}
		slices.Sort(names)
		if len(slices.Compact(names)) != len(entries) {
			t.Errorf("%d names in %d entries", len(names), len(entries))
		}
		if size > len(data) {
			t.Errorf("%d bytes of entries in %d", size, len(data))
		}
	})
}

// FuzzParseIdentity makes sure that nothing is made up or lost.
func FuzzParseIdentity(f *testing.F) {
	f.Add("A B <a@b> 1700000000 +0130")
	f.Add("<a@b> 1 -0000")
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseIdentity(line)
		if err == nil && !strings.HasPrefix(line, s.Name+" <"+s.Email+"> ") && !strings.HasPrefix(line, "<"+s.Email+"> ") {
			t.Errorf("%q gives %q <%q>", line, s.Name, s.Email)
		}
	})
}
