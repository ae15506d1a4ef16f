package facts

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	gh "github.com/google/go-github/v66/github"
	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// maxPastPages bounds the pages of the base's commits, of which many can lie beside its
// own line.
const maxPastPages = 10

// past looks at what the base's own line of commits did to the files of a change. How
// far is bounded, and said; within that, what cannot be read now is an error as elsewhere.
func (r *Reader) past(ctx context.Context, facts *change.Facts) error {
	paths, most := facts.Looked()
	if len(paths) == 0 {
		return nil
	}
	line, below, cut, err := r.ownLine(ctx, facts.Base.Commit, most)
	if facts.Past.Cut = cut; err == nil && len(line) > 0 {
		err = r.steps(ctx, facts, paths, line, below)
	}
	return err
}

// ownLine gives the commits of a branch, first parent by first parent, and what lies
// below the last one; and why there are no more, where they are not too old.
func (r *Reader) ownLine(ctx context.Context, tip string, most int) (line []*gh.RepositoryCommit, below, cut string, err error) {
	known := map[string]*gh.RepositoryCommit{}
	page, pages := 1, maxPastPages
	for next := tip; ; {
		for known[next] == nil && page > 0 && pages > 0 {
			list, answer, err := r.API.Repositories.ListCommits(ctx, r.Owner, r.Name,
				&gh.CommitsListOptions{SHA: tip, ListOptions: gh.ListOptions{Page: page, PerPage: github.PageSize}})
			if err != nil {
				return nil, "", "", github.Classify(ctx, "list the commits of the base", err)
			}
			for _, c := range list {
				if err := sound("list the commits of the base", c); err != nil {
					return nil, "", "", err
				}
				known[c.GetSHA()] = c
			}
			page, pages = answer.NextPage, pages-1
		}
		c := known[next]
		switch {
		case c == nil:
			return line, next, fmt.Sprintf("%d commits were listed", len(known)), nil
		case len(line) > 0 && when(c).Before(when(line[0]).Add(-change.PastAge)), len(c.Parents) == 0:
			return line, next, "", nil
		case len(line) == most:
			return line, next, fmt.Sprintf("no more than %d commits are looked at", most), nil
		}
		line = append(line, c)
		next = c.Parents[0].GetSHA()
	}
}

func when(c *gh.RepositoryCommit) time.Time { return c.GetCommit().GetCommitter().GetDate().Time }

// steps finds the commits of the line that changed one of the files, and reads them.
func (r *Reader) steps(ctx context.Context, facts *change.Facts, paths []string, line []*gh.RepositoryCommit, below string) error {
	states := text.Each(line, (*gh.RepositoryCommit).GetSHA)
	ids, err := r.blobIDs(ctx, append(states, below), paths)
	if err != nil {
		return err
	}
	var wants []wanted
	for i := range line {
		for k := range paths {
			if before, after := ids[i+1][k], ids[i][k]; before != after && before != "" && after != "" {
				wants = append(wants, wanted{id: before}, wanted{id: after})
			}
		}
	}
	gaps, err := r.blobs(ctx, wants)
	if err != nil {
		return err
	}
	if len(gaps) > 0 {
		facts.Past.Cut = gaps[0]
	}
	for i, c := range line {
		for k, path := range paths {
			before, ok := r.store.blob(ids[i+1][k])
			after, ok2 := r.store.blob(ids[i][k])
			if ids[i+1][k] == ids[i][k] || !ok || !ok2 {
				continue
			}
			told, _ := describe(c)
			facts.Past.Steps = append(facts.Past.Steps, change.Step{Path: path, Commit: told.Maker(), Before: before, After: after})
		}
	}
	return nil
}

// blobIDs gives the id of each file at each commit, empty where there is none.
func (r *Reader) blobIDs(ctx context.Context, commits, paths []string) (ids [][]string, err error) {
	ids = make([][]string, len(commits))
	for i := range commits {
		ids[i] = make([]string, len(paths))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for start := 0; start < len(commits)*len(paths); start += maxAliases {
		end := min(start+maxAliases, len(commits)*len(paths))
		group.Go(func() error {
			var q strings.Builder
			q.WriteString("query($owner:String!,$name:String!){repository(owner:$owner,name:$name){")
			for n := start; n < end; n++ {
				at, err := json.Marshal(commits[n/len(paths)] + ":" + paths[n%len(paths)])
				if err != nil {
					return err
				}
				fmt.Fprintf(&q, "b%d:object(expression:%s){...B}", n, at)
			}
			q.WriteString("}}fragment B on Blob{oid}")
			var answer struct {
				Repository map[string]*struct{ Oid string }
			}
			if err := r.Query(ctx, "look for earlier versions", q.String(), nil, &answer); err != nil {
				return err
			}
			for n := start; n < end; n++ {
				if b := answer.Repository[fmt.Sprintf("b%d", n)]; b != nil {
					ids[n/len(paths)][n%len(paths)] = b.Oid
				}
			}
			return nil
		})
	}
	return ids, group.Wait()
}
