package manifest

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// remark is one line of comment, without the blanks around it.
type remark struct {
	text string
	// row is the entry that the comment stands above or beside, counted
	// through the document. Programs that read comments (scanners' exceptions,
	// other updaters' directions) act on that entry.
	row  int
	near *yaml.Node
}

// remarks lists the comments of a tree in the order of the text. Which node a
// parser ties a comment to depends on blank lines and indentation, which the
// writer changes; the order and the entry do not.
type remarks struct {
	list []remark
	row  int
}

func remarksOf(root *yaml.Node) []remark {
	var r remarks
	r.visit(root, false)
	return r.list
}

func (r *remarks) add(n *yaml.Node, comment string, row int) {
	for line := range strings.Lines(comment) {
		if line = strings.TrimSpace(line); line != "" {
			r.list = append(r.list, remark{line, row, n})
		}
	}
}

// visit walks a tree. A key begins an entry, and so does a list's item that
// has no key.
func (r *remarks) visit(n *yaml.Node, entry bool) {
	r.add(n, n.HeadComment, r.row+1)
	// A collection's line comment stands behind its closing bracket.
	collection := n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode
	if entry && !(collection && len(n.Content) > 0) {
		r.row++
	}
	if !collection {
		r.add(n, n.LineComment, r.row)
	}
	for i, child := range n.Content {
		r.visit(child, n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode && i%2 == 0)
	}
	if collection {
		r.add(n, n.LineComment, r.row)
	}
	r.add(n, n.FootComment, r.row+1)
}

// comments compares the comments of two documents as lists of lines, each
// with the entry that it belongs to.
func (t *tree) comments(base, head document) {
	before, after := remarksOf(base.node), remarksOf(head.node)
	same := func(a, b remark) bool { return a.text == b.text && a.row == b.row }
	if slices.EqualFunc(before, after, same) {
		return
	}
	count := map[string]int{}
	for _, r := range before {
		count[r.text]++
	}
	found := false
	for _, r := range after {
		if count[r.text]--; count[r.text] < 0 {
			found = true
			t.differ(&t.text, "", r.near, "the comment %q was added", r.text)
		}
	}
	for _, r := range before {
		if count[r.text] > 0 {
			count[r.text]--
			found = true
			t.differ(&t.text, "", head.root, "the comment %q is gone", r.text)
		}
	}
	if !found {
		t.differ(&t.text, "", head.root, "comments moved")
	}
}

// loose compares what stands outside documents with content: comments on
// separators, and documents that are empty.
func (t *tree) loose(base, head []string) {
	t.lines(base, head, "the comment %q outside every document was added")
	t.lines(head, base, "the comment %q outside every document is gone")
}

// hidden finds comments that the parser passes over, such as one behind an
// opening brace: every end of a line from a # on that the head has, the base
// must have as well, be it a comment or not.
func (t *tree) hidden(base, head []byte) {
	if len(t.text) == 0 {
		t.lines(endings(base), endings(head), "%q was added, which may be a comment")
	}
}

// lines reports what of b is not in a.
func (t *tree) lines(a, b []string, message string) {
	count := map[string]int{}
	for _, line := range a {
		count[line]++
	}
	for _, line := range b {
		if count[line]--; count[line] < 0 && len(t.text) < maxDifferences {
			t.text = append(t.text, Difference{Position: Position{1, 1}, Message: fmt.Sprintf(message, line)})
		}
	}
}

// endings lists the ends of lines from the first # on that could begin a comment.
func endings(data []byte) []string {
	var list []string
	for line := range strings.Lines(string(data)) {
		for i := range len(line) {
			if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
				list = append(list, strings.Trim(line[i:], " \t\r\n"))
				break
			}
		}
	}
	return list
}
