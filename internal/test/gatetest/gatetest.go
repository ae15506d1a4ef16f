package gatetest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1" // Git's object ids
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// Load reads a case: what Judge takes. The error names the file of the archive
// that is wrong.
func Load(archive *txtar.Archive) (policy.Policy, change.Facts, gate.Options, error) {
	c := changed{base: tree{}, tip: tree{}, head: tree{}}
	c.facts.HeadRef, c.facts.BaseRef = "flux-image-updates", "main"
	c.facts.Today = "2026-11-22"
	rules := policy.Default()
	for _, f := range archive.Files {
		if err := c.add(f, &rules); err != nil {
			return policy.Policy{}, change.Facts{}, gate.Options{}, fmt.Errorf("read %s: %w", f.Name, err)
		}
	}
	err := c.grow()
	options := gate.Options{IgnoreIdentity: c.facts.IgnoreIdentity}
	if err == nil {
		options.Now, err = time.Parse(time.DateOnly, c.facts.Today)
	}
	var facts change.Facts
	if err == nil {
		facts, err = c.gather(options.Now)
	}
	if err != nil {
		return policy.Policy{}, change.Facts{}, gate.Options{}, fmt.Errorf("read facts.yaml: %w", err)
	}
	return rules, facts, options, nil
}

// tree is a revision's files by path.
type tree map[string]change.Blob

// changed is a case while it is read.
type changed struct {
	facts           facts
	base, tip, head tree // named files only, until grow
}

// add reads one file of the archive.
func (c *changed) add(f txtar.File, rules *policy.Policy) error {
	name, data := f.Name, f.Data
	if plain, ok := strings.CutSuffix(name, ".esc"); ok {
		raw, err := unescape(data)
		if err != nil {
			return err
		}
		name, data = plain, raw
	}
	revision, path, _ := strings.Cut(name, "/")
	switch {
	case name == "facts.yaml":
		dec := yaml.NewDecoder(bytes.NewReader(data))
		dec.KnownFields(true)
		if err := dec.Decode(&c.facts); err != nil && err != io.EOF {
			return err
		}
	case name == "policy.yaml":
		p, err := policy.Parse(policy.File, data)
		if err != nil {
			return err
		}
		*rules = p
		c.base[policy.File] = change.Blob{Data: data}
	case path != "" && revision == "base":
		c.base[path] = change.Blob{Data: data}
	case path != "" && revision == "tip":
		c.tip[path] = change.Blob{Data: data}
	case path != "" && revision == "head":
		c.head[path] = change.Blob{Data: data}
	default:
		return fmt.Errorf("a case has no file of this name")
	}
	return nil
}

// unescape reads each line as the inside of a Go string literal, in which
// quotes stand for themselves.
func unescape(data []byte) ([]byte, error) {
	var out []byte
	for number, line := range bytes.SplitAfter(data, []byte("\n")) {
		text, end := string(line), ""
		if cut, ok := strings.CutSuffix(text, "\n"); ok {
			text, end = cut, "\n"
		}
		if cut, ok := strings.CutSuffix(text, `\`); ok && !strings.HasSuffix(cut, `\`) {
			text, end = cut, ""
		}
		for text != "" {
			char, multibyte, rest, err := strconv.UnquoteChar(text, 0)
			if err != nil {
				return nil, fmt.Errorf("unescape line %d: %w", number+1, err)
			}
			if multibyte {
				out = append(out, string(char)...)
			} else {
				out = append(out, byte(char))
			}
			text = rest
		}
		out = append(out, end...)
	}
	return out, nil
}

// grow completes the three trees: what tip and head do not name is as in the
// base, unless it was removed; then modes, padding and object ids.
func (c *changed) grow() error {
	tip, head := maps.Clone(c.base), maps.Clone(c.base)
	maps.Copy(tip, c.tip)
	maps.Copy(head, c.head)
	c.tip, c.head = tip, head
	for _, removal := range []struct {
		from  tree
		paths []string
	}{{c.tip, c.facts.TipRemoved}, {c.head, c.facts.Removed}} {
		for _, path := range removal.paths {
			if _, ok := removal.from[path]; !ok {
				return fmt.Errorf("removed file %q is not there", path)
			}
			delete(removal.from, path)
		}
	}
	headModes, tipModes := map[string]change.Mode{}, map[string]change.Mode{}
	maps.Copy(headModes, c.facts.BaseModes)
	maps.Copy(tipModes, c.facts.BaseModes)
	maps.Copy(headModes, c.facts.Modes)
	maps.Copy(tipModes, c.facts.TipModes)
	c.base.finish(c.facts.BaseModes, c.facts.Pad)
	c.tip.finish(tipModes, c.facts.Pad)
	c.head.finish(headModes, c.facts.Pad)
	for path := range headModes {
		if _, ok := c.head[path]; !ok {
			return fmt.Errorf("file %q has a mode, but is not there", path)
		}
	}
	return nil
}

func (t tree) finish(modes map[string]change.Mode, pad map[string]int) {
	for path, blob := range t {
		blob.Mode = change.Regular
		if mode, ok := modes[path]; ok {
			blob.Mode = mode
		}
		if blob.Mode == change.Submodule {
			blob.ID, blob.Data = strings.TrimSpace(string(blob.Data)), nil
			t[path] = blob
			continue
		}
		if lack := pad[path] - len(blob.Data); lack > 0 {
			line := []byte("# padding\n")
			blob.Data = append(slices.Clone(blob.Data), bytes.Repeat(line, lack/len(line)+1)...)
		}
		blob.ID = objectID("blob", blob.Data)
		t[path] = blob
	}
}

// objectID is the id that Git gives an object of the kind.
func objectID(kind string, data []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...))
	return hex.EncodeToString(sum[:])
}

// revision names a tree by what is in it and a commit by its role.
func (t tree) revision(role string) change.Revision {
	var list []byte
	for _, path := range slices.Sorted(maps.Keys(t)) {
		list = fmt.Appendf(list, "%s %s %q\n", t[path].Mode, t[path].ID, path)
	}
	id := objectID("tree", list)
	return change.Revision{Commit: objectID("commit", []byte(role+" "+id)), Tree: id}
}

// gather makes the facts as an edge package would.
func (c *changed) gather(day time.Time) (change.Facts, error) {
	out := change.Facts{
		BaseRef: c.facts.BaseRef, HeadRef: c.facts.HeadRef, Repository: c.facts.Repository,
		MergeBase: c.base.revision("base"), Base: c.tip.revision("base"), Head: c.head.revision("head"),
		Crosswise: c.facts.Crosswise, Gaps: c.facts.Gaps, Unsearched: c.facts.Unsearched,
	}
	var err error
	if out.Commits, err = c.facts.commits(out, day); err != nil {
		return out, err
	}
	out.Pull = c.facts.pull()
	if out.Past, err = c.past(day); err != nil {
		return out, err
	}
	for _, a := range c.facts.Apps {
		out.Apps = append(out.Apps, change.Account(a))
	}

	folders, contents := forest{}, map[string][]byte{}
	for _, t := range []tree{c.base, c.tip, c.head} {
		for _, blob := range t {
			contents[blob.ID] = blob.Data
		}
	}
	tip := folders.plant(c.tip)
	ctx := context.Background()
	changed, err := change.Compare(ctx, folders, folders.plant(c.base), tip, folders.plant(c.head))
	if err != nil {
		return out, err
	}
	base, _, err := change.List(ctx, folders, tip, manifest.Named)
	if err != nil {
		return out, err
	}
	blob := func(id string) ([]byte, bool) { return contents[id], true }
	more, err := change.Referred(ctx, folders, tip, base, blob)
	out.Fill(changed, append(base, more...), blob)
	return out, err
}

// past gives each step the file as it was, from the base's tip backwards.
func (c *changed) past(day time.Time) (change.Past, error) {
	out := change.Past{Cut: c.facts.PastCut}
	now := map[string]string{}
	for i, p := range c.facts.Past {
		text, known := now[p.Path]
		if !known {
			text = string(c.tip[p.Path].Data)
		}
		made, err := p.made(day)
		if err != nil || !strings.Contains(text, p.To) {
			return out, fmt.Errorf("step %d of the past of %q does not end in %q: %w", i, p.Path, p.To, err)
		}
		now[p.Path] = cmp.Or(p.Was, strings.ReplaceAll(text, p.To, p.From))
		made.SHA, made.Message = objectID("commit", fmt.Append(nil, "past ", i)), ""
		for n := range deref(p.Parents, 1) {
			made.Parents = append(made.Parents, objectID("commit", fmt.Append(nil, "past ", i, n)))
		}
		step := change.Step{Path: p.Path, Before: []byte(now[p.Path]), Commit: made}
		if !p.Gone {
			step.After = []byte(text)
		}
		out.Steps = append(out.Steps, step)
	}
	return out, nil
}

// forest holds folders by their ids.
type forest map[string][]change.Entry

func (forest) Load(context.Context, []string) error { return nil }

func (f forest) Entries(id string) ([]change.Entry, bool) {
	entries, ok := f[id]
	return entries, ok
}

// plant adds the folders of a tree, and returns the root's id.
func (f forest) plant(t tree) string {
	var entries []change.Entry
	below := map[string]tree{}
	for path, blob := range t {
		if name, rest, deep := strings.Cut(path, "/"); deep {
			if below[name] == nil {
				below[name] = tree{}
			}
			below[name][rest] = blob
		} else {
			entries = append(entries, change.Entry{Name: name, Mode: blob.Mode, ID: blob.ID})
		}
	}
	for name, t := range below {
		entries = append(entries, change.Entry{Name: name, Mode: change.Folder, ID: f.plant(t)})
	}
	slices.SortFunc(entries, func(a, b change.Entry) int { return strings.Compare(a.SortKey(), b.SortKey()) })
	id := objectID("tree", fmt.Append(nil, entries))
	f[id] = entries
	return id
}
