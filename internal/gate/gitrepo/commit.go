package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// node is what the walk through history needs of a commit.
type node struct {
	id      plumbing.Hash
	tree    plumbing.Hash
	parents []plumbing.Hash
	when    int64 // committer's time, Unix seconds; only an order to walk in
	cut     bool  // parents exist but were not fetched (a shallow clone)
	marks
}

// node reads a commit, once. What stands at its head is read as leniently as
// git does, for the history below a change may be old and odd.
func (r *Repository) node(id plumbing.Hash) (*node, error) {
	if n := r.nodes[id]; n != nil {
		return n, nil
	}
	o, err := r.reader.read(id, plumbing.CommitObject)
	if err != nil {
		return nil, err
	}
	n, err := parseNode(o.data)
	if err != nil {
		return nil, corrupt(id, "%w", err)
	}
	n.id = id
	if r.shallow[id] && len(n.parents) > 0 {
		n.parents, n.cut = nil, true
	}
	r.nodes[id] = n
	return n, nil
}

func parseNode(data []byte) (*node, error) {
	n := &node{}
	for i := 0; ; i++ {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		key, value, _ := bytes.Cut(line, []byte(" "))
		switch {
		case i == 0:
			if string(key) != "tree" || !isID(value) {
				return nil, errors.New("commit without a tree")
			}
			n.tree = plumbing.NewHash(string(value))
		case string(key) == "parent":
			if !isID(value) {
				return nil, errors.New("commit with a malformed parent")
			}
			n.parents = append(n.parents, plumbing.NewHash(string(value)))
		case string(key) == "author":
		case string(key) == "committer":
			_, tail, _ := bytes.Cut(line[bytes.LastIndexByte(line, '>')+1:], []byte(" "))
			seconds, _, _ := bytes.Cut(tail, []byte(" "))
			n.when, _ = strconv.ParseInt(string(seconds), 10, 64) // 0 like git where there is none
			return n, nil
		default:
			return n, nil
		}
		data = rest
	}
}

func isID(hex []byte) bool {
	return len(hex) == 2*hashSize && plumbing.IsHash(string(hex)) && bytes.Equal(hex, bytes.ToLower(hex))
}

// content is a commit object as its author wrote it. Other than a node it is
// read strictly: where two programs could read a commit differently, nobody
// can say what was signed and by whom.
type content struct {
	author, committer change.Signature
	message           string
	// signatures are the names of the signature headers, in order; signature
	// is the value of the first.
	signatures []string
	signature  []byte
	// payload is what a signature covers: the object without signature headers.
	payload []byte
}

func parseContent(data []byte) (content, error) {
	var c content
	if bytes.IndexByte(data, 0) >= 0 {
		return c, errors.New("NUL byte")
	}
	head, message, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		return c, errors.New("no end of headers")
	}
	c.message = string(message)
	c.payload = make([]byte, 0, len(data))
	state := 0 // how many of tree, author, committer were read
	lines := bytes.SplitAfter(append(head[:len(head):len(head)], '\n'), []byte("\n"))
	lines = lines[:len(lines)-1]
	for i := 0; i < len(lines); {
		end := i + 1
		for end < len(lines) && lines[end][0] == ' ' {
			end++
		}
		header := bytes.Join(lines[i:end], nil)
		i = end
		name, value, ok := bytes.Cut(header[:len(header)-1], []byte(" "))
		if !ok || len(name) == 0 {
			return c, fmt.Errorf("malformed header %s", text.Quote(string(header)))
		}
		if strings.HasPrefix(string(name), "gpgsig") {
			if c.signatures = append(c.signatures, string(name)); len(c.signatures) == 1 {
				c.signature = bytes.ReplaceAll(value, []byte("\n "), []byte("\n"))
			}
		} else {
			c.payload = append(c.payload, header...)
		}
		var err error
		if state, err = c.header(state, string(name), string(value)); err != nil {
			return c, err
		}
	}
	if state != 3 {
		return c, errors.New("no author or committer")
	}
	c.payload = append(append(c.payload, '\n'), message...)
	return c, nil
}

// verification is what can be said of the commit's signature without keys, and
// what keys are to be held against.
func (c content) verification() (change.Verification, change.Signed) {
	switch {
	case len(c.signatures) == 0:
		return change.Verification{}, change.Signed{}
	case len(c.signatures) > 1 || c.signatures[0] != "gpgsig":
		return change.Verification{Kind: signature.Kind(c.signature), Reason: "not exactly one signature header gpgsig"}, change.Signed{}
	}
	return change.Verification{Kind: signature.Kind(c.signature)}, change.Signed{Payload: c.payload, Signature: c.signature}
}

// header takes one header in: tree, parents, author and committer come first,
// in this order, and only the parents may be many.
func (c *content) header(state int, name, value string) (int, error) {
	var err error
	switch {
	case name == "tree" && state == 0, name == "parent" && state == 1:
		if !isID([]byte(value)) {
			err = fmt.Errorf("malformed %s", name)
		}
		return 1, err
	case name == "author" && state == 1:
		c.author, err = parseIdentity(value)
		return 2, prefix(err, name)
	case name == "committer" && state == 2:
		c.committer, err = parseIdentity(value)
		return 3, prefix(err, name)
	case state < 3:
		return state, fmt.Errorf("header %s before author and committer", text.Quote(name))
	case name == "tree", name == "parent", name == "author", name == "committer":
		return state, fmt.Errorf("second or misplaced header %s", name)
	}
	return state, nil
}

// maxTime is the last second of the year 9999.
const maxTime = 253402300799

// parseIdentity reads "Name <email> seconds zone".
func parseIdentity(line string) (change.Signature, error) {
	var s change.Signature
	name, rest, ok := strings.Cut(line, "<")
	email, when, ok2 := strings.Cut(rest, ">")
	if !ok || !ok2 || strings.ContainsAny(line, "\n\r") || strings.ContainsAny(name+email+when, "<>") {
		return s, errors.New("not of the form name <e-mail> time")
	}
	if name != "" && !strings.HasSuffix(name, " ") || !strings.HasPrefix(when, " ") {
		return s, errors.New("not of the form name <e-mail> time")
	}
	s.Name, s.Email = strings.TrimSuffix(name, " "), email
	seconds, zone, _ := strings.Cut(when[1:], " ")
	unix, err := strconv.ParseUint(seconds, 10, 63)
	if err != nil || unix > maxTime {
		return s, errors.New("malformed time")
	}
	if len(zone) != 5 || zone[0] != '+' && zone[0] != '-' || strings.Trim(zone[1:], "0123456789") != "" {
		return s, errors.New("malformed time zone")
	}
	n, err := strconv.Atoi(zone[1:])
	if err != nil || n%100 > 59 {
		return s, errors.New("malformed time zone")
	}
	offset := (n/100*60 + n%100) * 60
	if zone[0] == '-' {
		offset = -offset
	}
	s.When = time.Unix(int64(unix), 0).In(time.FixedZone("", offset))
	return s, nil
}

// parseTag gives what an annotated tag points at.
func parseTag(data []byte) (plumbing.Hash, error) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	id, ok := bytes.CutPrefix(line, []byte("object "))
	if !ok || !isID(id) {
		return plumbing.ZeroHash, errors.New("tag without an object")
	}
	return plumbing.NewHash(string(id)), nil
}

func prefix(err error, name string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}
