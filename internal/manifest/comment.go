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
	near *yaml.Node
}

// remarks lists the comments of a tree in the order of the text. Which node a
// parser ties a comment to depends on blank lines and indentation, which the
// writer changes; the order does not.
func remarks(n *yaml.Node, list []remark) []remark {
	add := func(comment string) {
		for line := range strings.Lines(comment) {
			if line = strings.TrimSpace(line); line != "" {
				list = append(list, remark{line, n})
			}
		}
	}
	add(n.HeadComment)
	// A collection's line comment stands behind its closing bracket.
	collection := n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode
	if !collection {
		add(n.LineComment)
	}
	for _, child := range n.Content {
		list = remarks(child, list)
	}
	if collection {
		add(n.LineComment)
	}
	add(n.FootComment)
	return list
}

// comments compares the comments of two documents as lists of lines.
func (t *tree) comments(base, head document) {
	before, after := remarks(base.node, nil), remarks(head.node, nil)
	same := func(a, b remark) bool { return a.text == b.text }
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
// separators, and documents that are empty. The writer drops it; nothing may
// come.
func (t *tree) loose(base, head []string) {
	count := map[string]int{}
	for _, line := range base {
		count[line]++
	}
	for _, line := range head {
		if count[line]--; count[line] < 0 {
			t.text = append(t.text, Difference{Position: Position{1, 1}, Message: fmt.Sprintf("the comment %q outside every document was added", line)})
		}
	}
}
