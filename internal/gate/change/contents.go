package change

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/kustomize"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// Wanted are the sides whose contents count: regular files that Flux reads, by
// their names. Of all others the ids and modes say enough.
func (s Sides) Wanted() []Entry {
	if !manifest.Named(s.Path) {
		return nil
	}
	return slices.DeleteFunc([]Entry{s.New, s.Old, s.Tip}, func(e Entry) bool { return !e.IsFile() })
}

// Searched tells whether the files of the base are searched for what has a
// bearing on a change: only where an update can be in it.
func Searched(changed []Sides) bool {
	return slices.ContainsFunc(changed, func(s Sides) bool { return manifest.Named(s.Path) })
}

// Referred are the files and links below a tree that the kustomizations of the base have as resources or patches, and
// whose names are none that are searched: kustomize takes a file of any name there, JSON above all. blob is as in Fill.
func Referred(ctx context.Context, from Folders, root string, base []Found, blob func(id string) ([]byte, bool)) (out []Found, err error) {
	seen := map[string]bool{}
	for _, b := range base {
		data, _ := blob(b.ID)
		for _, p := range kustomize.Referred(Content{Path: b.Path, Data: data}) {
			if seen[p] || manifest.Named(p) {
				continue
			}
			seen[p] = true
			e, err := Find(ctx, from, root, p)
			if err != nil {
				return nil, err
			}
			if e.IsFile() || e.Mode == Symlink {
				out = append(out, Found{p, e})
			}
		}
	}
	return out, nil
}

// Counts tells whether a file of the base can have a bearing on a change, by
// what it holds.
func Counts(data []byte) bool { return kustomize.Counts(data) || manifest.Marked(data) }

// source tells whether a file may define objects of Flux's image API.
func source(data []byte) bool {
	return slices.ContainsFunc([]string{"ImagePolicy", "ImageRepository", "ImageUpdateAutomation"}, func(kind string) bool {
		return bytes.Contains(data, []byte(kind))
	})
}

// Fill puts the changed files into the facts, and of the files of the base what
// has a bearing on them. blob gives a content, nil where it does not count, and
// false where it was not read: such files of the base are Unsearched.
func (f *Facts) Fill(changed []Sides, base []Found, blob func(id string) ([]byte, bool)) {
	f.Files, f.Sources, f.Bystanders = nil, nil, nil
	var objects []Content
	paths := make(map[string]bool, len(changed))
	for _, s := range changed {
		paths[s.Path] = true
		file := File{Path: s.Path, Before: side(s.Path, s.Tip, blob), After: side(s.Path, s.New, blob), Stale: s.Stale()}
		if file.Stale {
			file.Old = side(s.Path, s.Old, blob)
		}
		f.Files = append(f.Files, file)
	}
	for _, b := range base {
		data, ok := blob(b.ID)
		if !ok || !b.IsFile() { // links are not followed
			f.Unsearched = append(f.Unsearched, b.Path)
			continue
		}
		c := Content{Path: b.Path, Data: data}
		if kustomize.Counts(data) {
			objects = append(objects, c)
		}
		if source(data) {
			f.Sources = append(f.Sources, c)
		}
		if !paths[b.Path] && manifest.Marked(data) {
			f.Bystanders = append(f.Bystanders, c)
		}
	}
	if len(f.Sources) > 0 {
		base := kustomize.Base{Files: objects, Unread: f.Unsearched, Repository: f.Repository}
		found, patches := kustomize.Find(base)
		f.Repository = cmp.Or(f.Repository, bootstrapped(found))
		f.Policies, f.Automations, f.Suspensions = policies(found), automations(found), suspensions(patches, found)
	}
}

func side(path string, e Entry, blob func(id string) ([]byte, bool)) Blob {
	if e.Mode == Absent {
		return Blob{}
	}
	b := Blob{Mode: e.Mode, ID: e.ID}
	if e.IsFile() && manifest.Named(path) {
		b.Data, _ = blob(e.ID)
	}
	return b
}
