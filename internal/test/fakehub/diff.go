package fakehub

import (
	"strconv"
	"strings"
	"time"
)

// change is one file that differs between two commits.
type change struct {
	path, from, status, id string
	added, deleted         int
}

// changes compares two commits as GitHub's file lists do, renames found.
func (g *git) changes(base, head string) ([]change, error) {
	raw, err := g.run(true, "diff", "--raw", "--numstat", "-z", "-M", "--no-abbrev", base, head)
	if err != nil {
		return nil, err
	}
	names := map[string]string{"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed", "C": "copied"}
	var all []change
	at := map[string]int{}
	fields := strings.Split(strings.TrimSuffix(raw, "\x00"), "\x00")
	for i := 0; i < len(fields) && fields[i] != ""; i++ {
		if strings.HasPrefix(fields[i], ":") {
			meta := strings.Fields(fields[i])
			one := change{status: names[meta[4][:1]], id: meta[3], path: fields[i+1]}
			i++
			if one.status == "removed" {
				one.id = meta[2]
			}
			if one.status == "renamed" || one.status == "copied" {
				one.from, one.path = one.path, fields[i+1]
				i++
			}
			at[one.path] = len(all)
			all = append(all, one)
			continue
		}
		counts := strings.SplitN(fields[i], "\t", 3)
		path := counts[2]
		if path == "" { // a rename: both paths follow
			path = fields[i+2]
			i += 2
		}
		n := at[path]
		all[n].added, _ = strconv.Atoi(counts[0]) // "-" for a binary file is 0
		all[n].deleted, _ = strconv.Atoi(counts[1])
	}
	return all, nil
}

// showChange is a file of a diff. The patch is left out: GitHub leaves it out
// too where it likes, so that nobody may rely on it.
func (r *repo) showChange(c change, commit string) js {
	shown := js{
		"sha": c.id, "filename": c.path, "status": c.status, "additions": c.added, "deletions": c.deleted, "changes": c.added + c.deleted,
		"blob_url": r.htmlURL("/blob/%s/%s", commit, c.path), "raw_url": r.htmlURL("/raw/%s/%s", commit, c.path),
		"contents_url": r.url("/contents/%s?ref=%s", c.path, commit),
	}
	if c.from != "" {
		shown["previous_filename"] = c.from
	}
	return shown
}

// diff lists what a pull request changes, from the merge base on.
func (p *pull) diff() []change {
	from := p.repo.git.mergeBase(p.baseSHA(), p.headSHA())
	if from == "" {
		return nil
	}
	all, err := p.repo.git.changes(from, p.headSHA())
	if err != nil {
		p.repo.hub.problem("compare pull request %d: %v", p.Number, err)
	}
	return all
}

// size counts lines and files of a pull request.
func (p *pull) size() (added, deleted, files int) {
	all := p.diff()
	for _, c := range all {
		added, deleted = added+c.added, deleted+c.deleted
	}
	return added, deleted, len(all)
}

// mergeCommit is the test merge before the merge, and the real one after.
func (p *pull) mergeCommit() string {
	if p.mergeSHA != "" || !p.open() || p.MergeableUnknown {
		return p.mergeSHA
	}
	tree, ok := p.mergeTree()
	if !ok {
		return ""
	}
	base, head := p.baseSHA(), p.headSHA()
	id, err := p.repo.commitTree(tree, "Merge "+head+" into "+base, time.Unix(1_600_000_000, 0), base, head)
	if err != nil {
		p.repo.hub.problem("merge pull request %d: %v", p.Number, err)
	}
	return id
}

// commitTree makes a commit as GitHub itself does.
func (r *repo) commitTree(tree, message string, when time.Time, parents ...string) (string, error) {
	date := strconv.FormatInt(when.Unix(), 10) + " +0000"
	args := []string{
		"-c", "user.name=GitHub", "-c", "user.email=noreply@github.com", "-c", "commit.gpgsign=false",
		"commit-tree", tree, "-m", message,
	}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	out, err := r.git.runEnv(true, []string{"GIT_AUTHOR_DATE=" + date, "GIT_COMMITTER_DATE=" + date}, args...)
	return strings.TrimSpace(out), err
}
