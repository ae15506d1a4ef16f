package facts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// The bounds of what is asked for the past of a change: 30 requests in all.
const (
	maxPastLists   = 20 // for commits, with what the files were at each, and for trees
	maxPastBatches = 10 // for contents
	// maxLookups bounds what a list asks of files: of many it has fewer commits.
	maxLookups = 4 * maxAliases
)

// Past adds to the facts what the base's own line of commits did to the files of the
// change. How far is bounded, and said; within that, what cannot be read now is an error as
// elsewhere.
func (r *Reader) Past(ctx context.Context, facts *change.Facts, within change.Within) error {
	ctx, cancel := r.Limited(ctx)
	defer cancel()
	w := walk{Reader: r, trail: facts.Follow(within), left: maxPastLists}
	switch n := len(w.trail.Names); {
	case n == 0:
		return nil
	case n > maxLookups:
		facts.Past.Cut = fmt.Sprintf("%d files are too many to ask for at each commit", n)
		return nil
	default:
		w.first = min(github.PageSize, maxLookups/n)
	}
	if err := w.down(ctx, facts); err != nil {
		return err
	}
	blobs, err := w.contents(ctx)
	facts.Past = w.trail.Fill(w.makers, blobs)
	return err
}

// walk goes down the base's own line of commits.
type walk struct {
	*Reader
	trail *change.Trail
	left  int // requests for lists
	first int // commits of a page
	// sizes are those of files, by their ids; makers the commits with a turn.
	sizes  map[string]int
	makers map[string]change.Commit
}

// listed is a commit with what the files of the trail are there.
type listed struct {
	change.Commit
	tree  string
	made  time.Time
	files []change.Entry
}

// down follows the trail, and asks anew from where a file had another name before.
func (w *walk) down(ctx context.Context, facts *change.Facts) error {
	w.sizes, w.makers = map[string]int{}, map[string]change.Commit{}
	var child *listed
	p := page{tip: facts.Base.Commit}
	for next := p.tip; ; {
		c, err := w.commit(ctx, &p, next)
		if err != nil || c == nil {
			return err
		}
		if next == facts.Base.Commit && child == nil && !isBase(facts, w.trail, c) {
			return github.Odd("list the commits of the base", "the files of its tip are others than were read")
		}
		if child != nil {
			names := slices.Clone(w.trail.Names)
			if err := w.take(ctx, c, child); err != nil {
				return err
			}
			if !slices.Equal(names, w.trail.Names) {
				p, child = page{tip: next}, nil
				continue
			}
		}
		if !w.trail.Goes(c.made) || len(c.Parents) == 0 {
			return nil
		}
		child, next = c, c.Parents[0]
	}
}

func isBase(facts *change.Facts, trail *change.Trail, c *listed) bool {
	return !slices.ContainsFunc(facts.Files, func(f change.File) bool {
		i := slices.Index(trail.Names, f.Path)
		return i >= 0 && c.files[i].ID != f.Before.ID
	})
}

// take takes in what a commit did to its first parent. Only where a file came are their
// trees asked for: it can be another that went.
func (w *walk) take(ctx context.Context, parent, c *listed) error {
	var changed []change.Sides
	came := false
	for i, path := range w.trail.Names {
		s := change.Sides{Path: path, Old: parent.files[i], New: c.files[i]}
		came = came || s.New.IsFile() && !s.Old.IsFile()
		changed = append(changed, s)
	}
	if came {
		if w.left -= 2; w.left < 0 {
			w.trail.Short("too many requests would be needed")
			return nil
		}
		for _, tree := range []string{parent.tree, c.tree} {
			if _, known := w.store.Entries(tree); known {
				continue
			}
			if _, err := w.listing(ctx, tree, true); err != nil {
				return err
			}
		}
		all, err := w.forest().compare(ctx, parent.tree, parent.tree, c.tree)
		if err != nil {
			return err
		}
		changed = all
	}
	turns := len(w.trail.Turns)
	w.trail.Take(c.SHA, c.made, changed)
	if len(w.trail.Turns) > turns {
		w.makers[c.SHA] = c.Commit
	}
	return nil
}

// page is where a list of commits goes on, and what of it was read.
type page struct {
	tip, cursor string
	end         bool
	known       map[string]*listed
}

// commit gives a commit, from as many pages as that takes; nil where those are too many.
func (w *walk) commit(ctx context.Context, p *page, id string) (*listed, error) {
	const op = "list the commits of the base"
	for p.known[id] == nil {
		switch {
		case p.end:
			return nil, github.Odd(op, "commit %s is not among them", id)
		case w.left <= 0:
			w.trail.Short("too many requests would be needed")
			return nil, nil
		}
		w.left--
		err := w.turn(ctx, op, p)
		e, failed := errors.AsType[*github.Error](err)
		switch {
		case failed && (e.Kind == github.Server || e.Kind == github.Truncated) && w.first > 1: // as where it takes too long
			w.first = max(1, w.first/4)
		case err != nil:
			return nil, err
		}
	}
	return p.known[id], nil
}

// turn reads the next page.
func (w *walk) turn(ctx context.Context, op string, p *page) error {
	var q strings.Builder
	q.WriteString("query past($owner:String!,$name:String!,$tip:GitObjectID!,$first:Int!,$after:String){repository(owner:$owner,name:$name){" +
		"object(oid:$tip){...on Commit{history(first:$first,after:$after){pageInfo{hasNextPage endCursor}nodes{" +
		"oid committedDate tree{oid}parents(first:10){nodes{oid}}author{...A}committer{...A}signature{isValid state signature payload}")
	for i, name := range w.trail.Names {
		path, err := json.Marshal(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&q, " f%d:file(path:%s){...F}", i, path)
	}
	q.WriteString("}}}}}}fragment A on GitActor{name email date user{databaseId}}fragment F on TreeEntry{oid mode size}")
	var answer struct {
		Repository struct {
			Object *struct {
				History struct {
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
					Nodes []json.RawMessage
				}
			}
		}
	}
	variables := map[string]any{"tip": p.tip, "first": w.first, "after": nil}
	if p.cursor != "" {
		variables["after"] = p.cursor
	}
	if err := w.Query(ctx, op, q.String(), variables, &answer); err != nil {
		return err
	}
	if answer.Repository.Object == nil || len(answer.Repository.Object.History.Nodes) == 0 {
		return github.Odd(op, "there are none")
	}
	history := answer.Repository.Object.History
	if p.known == nil {
		p.known = map[string]*listed{}
	}
	for _, node := range history.Nodes {
		c, err := w.read(op, node)
		if err != nil {
			return err
		}
		p.known[c.SHA] = c
	}
	p.cursor, p.end = history.PageInfo.EndCursor, !history.PageInfo.HasNextPage || history.PageInfo.EndCursor == p.cursor
	return nil
}

// actor is who made a commit, as GraphQL tells it.
type actor struct {
	Name, Email string
	Date        time.Time
	User        *struct{ DatabaseID int64 }
}

func (a *actor) signature() (s change.Signature, account int64) {
	if a == nil {
		return s, 0
	}
	if a.User != nil {
		account = a.User.DatabaseID
	}
	return change.Signature{Name: a.Name, Email: a.Email, When: a.Date}, account
}

// read reads a commit of a page.
func (w *walk) read(op string, node json.RawMessage) (*listed, error) {
	var told struct {
		Oid               string
		CommittedDate     time.Time
		Tree              struct{ Oid string }
		Parents           *struct{ Nodes []struct{ Oid string } }
		Author, Committer *actor
		Signature         *struct {
			IsValid                   bool
			State, Signature, Payload string
		}
	}
	var rest map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(node, &told), json.Unmarshal(node, &rest)); err != nil || !github.IsID(told.Oid) ||
		told.Parents == nil || told.CommittedDate.IsZero() { // without these the line would seem to end
		return nil, github.Odd(op, "a commit is not as it was asked for")
	}
	c := &listed{Commit: change.Commit{SHA: told.Oid}, tree: told.Tree.Oid, made: told.CommittedDate}
	for _, p := range told.Parents.Nodes {
		c.Parents = append(c.Parents, p.Oid)
	}
	c.Author, c.Account = told.Author.signature()
	c.Committer, c.CommitterAccount = told.Committer.signature()
	if s := told.Signature; s != nil {
		reason := strings.ToLower(s.State)
		c.Verification, c.Signed = verification(c.SHA,
			&gh.SignatureVerification{Verified: &s.IsValid, Reason: &reason, Signature: &s.Signature, Payload: &s.Payload})
	}
	for i := range w.trail.Names {
		var file *struct {
			Oid        string
			Mode, Size int
		}
		if err := json.Unmarshal(rest[fmt.Sprint("f", i)], &file); err != nil {
			return nil, github.Odd(op, "a file is not as it was asked for")
		}
		var e change.Entry
		if file != nil {
			e.Mode, _ = change.ParseMode(fmt.Sprintf("%o", file.Mode))
			e.ID = file.Oid
			w.sizes[file.Oid] = file.Size
		}
		c.files = append(c.files, e)
	}
	return c, nil
}

// contents reads the files of the trail's turns, the newest first.
func (w *walk) contents(ctx context.Context) (func(id string) ([]byte, bool), error) {
	var wants []wanted
	seen, bytes := map[string]bool{"": true}, 0
	for _, turn := range w.trail.Turns {
		for _, id := range []string{turn.Old, turn.New} {
			size := w.sizes[id]
			if seen[id] || size > maxText || len(wants)/maxAliases+2*(bytes+size)/maxBatch >= maxPastBatches {
				continue
			}
			seen[id], bytes = true, bytes+size
			wants = append(wants, wanted{id, w.sizes[id], true})
		}
	}
	_, err := w.blobs(ctx, wants)
	return w.store.blob, err
}
