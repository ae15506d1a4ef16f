package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// MaxSize is the largest file, in bytes, that is parsed. Real manifests are a
// hundred times smaller; a parser's memory is a hundred times its input.
const MaxSize = 1 << 20

// maxDocuments bounds the documents of a file: each costs a parser.
const maxDocuments = 5000

// document is one YAML document of a file.
type document struct {
	root *yaml.Node // content of the document node
	node *yaml.Node // the document node, which holds comments
	text string     // the part of the file that was parsed
	origin
	index int
}

// separator cuts a file into documents exactly as kyaml's reader does, so that
// both always agree on where a document starts.
var separator = pattern.Lazy(`\n---.*\n`)

// parse cuts a file into documents and parses each; those without content are
// left out, as Flux leaves them out.
func (f *File) parse(data []byte) error {
	if len(data) > MaxSize {
		f.Defects = append(f.Defects, Defect{Rule: "yaml/too-large", Position: Position{1, 1},
			Message: fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(data), MaxSize)})
		return errors.New("file too large")
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	line, start := 0, 0
	cuts := separator().FindAllStringIndex(text, maxDocuments+1)
	if len(cuts) > maxDocuments {
		f.Defects = append(f.Defects, Defect{Rule: "yaml/too-large", Position: Position{1, 1},
			Message: fmt.Sprintf("the file has more than %d documents", maxDocuments)})
		return errors.New("too many documents")
	}
	for i := 0; i <= len(cuts); i++ {
		end, next := len(text), len(text)
		if i < len(cuts) {
			end, next = cuts[i][0]+1, cuts[i][1]
			if rest := strings.TrimSpace(text[cuts[i][0]+4 : next]); rest != "" {
				if rest[0] != '#' {
					at := line + strings.Count(text[start:end], "\n") + 1
					return &syntaxError{Position{at, 4}, "content on the line of a document separator, which Flux refuses"}
				}
				f.loose = append(f.loose, rest)
			}
		}
		doc, defects, err := parseOne(text[start:end], line)
		if err != nil {
			return err
		}
		f.Defects = append(f.Defects, defects...)
		if doc.root != nil {
			doc.index = len(f.docs)
			f.docs = append(f.docs, doc)
		} else {
			f.loose = append(f.loose, remainder(text[start:end])...)
		}
		line += strings.Count(text[start:next], "\n")
		start = next
	}
	return nil
}

// remainder lists what a document without content consists of: comments.
func remainder(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line != "---" {
			lines = append(lines, line)
		}
	}
	return lines
}

// parseOne parses the one document that a part of a file should hold. Flux
// reads a part's first document and drops the rest without a word; whatever
// the rest holds is a defect.
func parseOne(text string, first int) (document, []Defect, error) {
	dec := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	doc := document{origin: newOrigin(text, first), text: text}
	var node yaml.Node
	switch err := dec.Decode(&node); {
	case errors.Is(err, io.EOF):
		return doc, nil, nil
	case err != nil:
		return doc, nil, parseError(err, doc.origin)
	}
	var rest yaml.Node
	var defects []Defect
	if err := dec.Decode(&rest); !errors.Is(err, io.EOF) && (err != nil || !empty(&rest)) {
		at := doc.at(1, 1)
		if err == nil {
			at = doc.at(rest.Line, 1)
		} else if i := strings.Index(text, "\n..."); i >= 0 {
			at.Line = first + strings.Count(text[:i+1], "\n") + 1
		}
		defects = append(defects, Defect{Rule: "yaml/document-end", Position: at,
			Message: "content follows the end of the document; Flux drops it, other readers may not"})
	}
	if empty(&node) {
		return doc, defects, nil
	}
	doc.node, doc.root = &node, node.Content[0]
	doc.unspecific()
	return doc, defects, nil
}

// bare is what a text with the tag "!" holds.
var bare = pattern.Lazy(`(?:^|[\s,:?\[{-])![\s,\]}]|!$`)

// unspecific gives scalars with the tag "!" the one that it stands for, which is
// text. The parser drops it, and takes the value for what it looks like.
func (d document) unspecific() {
	if strings.IndexByte(d.text, '!') < 0 || !bare().MatchString(d.text) {
		return
	}
	lines := strings.Split(d.text, "\n")
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		if at := d.at(n.Line, n.Column); n.Kind == yaml.ScalarNode && n.Style&yaml.TaggedStyle == 0 &&
			barely(lines, at.Line-d.first-1, at.Column-1) {
			n.Tag, n.Style = "!!str", n.Style|yaml.TaggedStyle
		}
		for _, child := range n.Content {
			visit(child)
		}
	}
	visit(d.root)
}

// barely tells whether what begins at a line and a column, both from 0, has the
// tag "!", behind its anchor or before it.
func barely(lines []string, line, column int) bool {
	if line < 0 || line >= len(lines) {
		return false
	}
	text := lines[line]
	for range column {
		_, size := utf8.DecodeRuneInString(text)
		text = text[size:]
	}
	for {
		switch text = strings.TrimLeft(text, " \t"); {
		case text == "" || text[0] == '#':
			if line++; line >= len(lines) {
				return false
			}
			text = lines[line]
		case text[0] == '&':
			end := strings.IndexAny(text, " \t")
			if end < 0 {
				end = len(text)
			}
			text = text[end:]
		default:
			return text[0] == '!' && (len(text) == 1 || strings.IndexByte(" \t,]}", text[1]) >= 0)
		}
	}
}

func empty(doc *yaml.Node) bool {
	return doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 ||
		(doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].ShortTag() == "!!null")
}

// syntaxError is a file that cannot be read as YAML.
type syntaxError struct {
	Position
	message string
}

// Error has the line of the whole file, where the parser counts from its document.
func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.message) }

var yamlLine = pattern.Lazy(`^yaml: (?:line (\d+): )?(.*)$`)

// parseError turns the parser's error into a place in the whole file.
func parseError(err error, from origin) error {
	m := yamlLine().FindStringSubmatch(err.Error())
	if m == nil {
		return &syntaxError{from.at(1, 1), err.Error()}
	}
	line := 1
	fmt.Sscanf(m[1], "%d", &line)
	return &syntaxError{from.at(line, 1), m[2]}
}
