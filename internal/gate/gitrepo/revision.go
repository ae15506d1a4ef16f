package gitrepo

import (
	"container/heap"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Range names the two ends of a change by revision expressions, as
// gitrevisions(7) has them: branches, tags, ids in full or abbreviated, HEAD,
// origin/main, and any of them with ^, ^2, ~3, ^{commit} or ^{/text}; :/text.
// What a reflog says (main@{1}) is not looked at.
type Range struct {
	Base, Head string
	// BaseRef and HeadRef name the branches, where the expressions do not.
	BaseRef, HeadRef string
}

// resolve finds the commit of a revision expression. The branch is its name
// where the expression is nothing but a branch. go-git's own resolver prefers
// abbreviated ids to branches, reads ^3 as ^2 and skips what it does not know.
func (r *Repository) resolve(expr string) (n *node, branch string, err error) {
	op := "resolve " + text.Quote(expr)
	if err := checkExpression(op, expr); err != nil {
		return nil, "", err
	}
	var id plumbing.Hash
	name, steps := expr, ""
	if text, ok := strings.CutPrefix(expr, ":/"); ok {
		n, err = r.youngest(op, text, nil)
	} else {
		if i := strings.IndexAny(expr, "^~"); i >= 0 {
			name, steps = expr[:i], expr[i:]
		}
		if id, branch, err = r.lookup(op, name); err == nil {
			n, err = r.peel(op, id)
		}
	}
	if err != nil {
		return nil, "", err
	}
	if steps != "" {
		branch = ""
	}
	for steps != "" && err == nil {
		n, steps, err = r.step(op, n, steps)
	}
	return n, branch, err
}

func checkExpression(op, expr string) error {
	const hint = "give a branch, a tag or a commit id"
	switch {
	case expr == "":
		return fail(NoRevision, op, hint, "no revision given")
	case strings.HasPrefix(expr, ":/"):
		return nil
	case strings.Contains(expr, "@{"):
		return fail(Unsupported, op, hint, "reflogs and upstream branches are not looked at")
	case strings.Contains(expr, ".."):
		return fail(NoRevision, op, "give its two ends as base and head", "a range, not a revision")
	case strings.Contains(strings.SplitN(expr, "^{/", 2)[0], ":"):
		return fail(NotCommit, op, hint, "names a file or a folder in a commit")
	}
	return nil
}

// lookup finds what a name without ^ and ~ stands for.
func (r *Repository) lookup(op, name string) (plumbing.Hash, string, error) {
	if name == "@" || name == "" {
		name = "HEAD"
	}
	if plumbing.IsHash(name) { // before any branch of that name, as in git
		return plumbing.NewHash(name), "", nil
	}
	type match struct {
		full plumbing.ReferenceName // as named
		end  *plumbing.Reference    // what it leads to
	}
	var matches []match
	for _, rule := range plumbing.RefRevParseRules {
		full := plumbing.ReferenceName(fmt.Sprintf(rule, name))
		end, err := r.reference(full)
		if errors.Is(err, plumbing.ErrReferenceNotFound) {
			continue
		}
		if err != nil {
			return plumbing.ZeroHash, "", &Error{Op: op, Kind: Corrupt, Err: err}
		}
		matches = append(matches, match{full, end})
	}
	for i, m := range matches {
		// git takes the first and warns; a tag that bears a branch's name must
		// not choose the base in silence.
		if m.end.Hash() != matches[0].end.Hash() {
			return plumbing.ZeroHash, "", fail(NoRevision, op, "write it out: "+text.Quote(m.full.String()),
				"names both %s and %s", text.Quote(matches[0].full.String()), text.Quote(m.full.String()))
		}
		if i == len(matches)-1 {
			return m.end.Hash(), firstBranch(matches[0].end.Name(), m.end.Name()), nil
		}
	}
	id, branch, err := r.abbreviated(op, name)
	if err != nil {
		if ref := r.onlyRemote(name); ref != nil {
			return ref.Hash(), firstBranch(ref.Name()), nil
		}
	}
	return id, branch, err
}

// onlyRemote is the branch of that name which just one remote has, as git
// checkout takes it: a clone has the bot's branch nowhere else.
func (r *Repository) onlyRemote(name string) *plumbing.Reference {
	refs, err := r.refs.all()
	if err != nil {
		return nil
	}
	var found *plumbing.Reference
	for _, ref := range refs {
		rest, ok := strings.CutPrefix(ref.Name().String(), "refs/remotes/")
		if _, branch, _ := strings.Cut(rest, "/"); !ok || branch != name || ref.Type() != plumbing.HashReference {
			continue
		}
		if found != nil {
			return nil
		}
		found = ref
	}
	return found
}

func firstBranch(names ...plumbing.ReferenceName) string {
	for _, name := range names {
		if branch, ok := strings.CutPrefix(name.String(), "refs/heads/"); ok {
			return branch
		}
		if rest, ok := strings.CutPrefix(name.String(), "refs/remotes/"); ok {
			if _, branch, ok := strings.Cut(rest, "/"); ok && branch != "HEAD" {
				return branch
			}
		}
	}
	return ""
}

// reference follows a reference to its end.
func (r *Repository) reference(name plumbing.ReferenceName) (*plumbing.Reference, error) {
	for range 6 {
		ref, err := r.rawReference(name)
		if err != nil {
			return nil, err
		}
		if ref.Type() == plumbing.HashReference {
			if ref.Hash().IsZero() {
				return nil, fmt.Errorf("reference %s holds no object id", text.Quote(name.String()))
			}
			return ref, nil
		}
		name = ref.Target()
	}
	return nil, fmt.Errorf("reference %s leads nowhere", text.Quote(name.String()))
}

func (r *Repository) rawReference(name plumbing.ReferenceName) (*plumbing.Reference, error) {
	switch name {
	case "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD":
		// FETCH_HEAD has more than an id in a line, and is not one of go-git's references.
		data, err := os.ReadFile(filepath.Join(r.gitDir, name.String()))
		if err != nil || len(data) < 2*hashSize || !plumbing.IsHash(string(data[:2*hashSize])) {
			return nil, plumbing.ErrReferenceNotFound
		}
		return plumbing.NewHashReference(name, plumbing.NewHash(string(data[:2*hashSize]))), nil
	}
	if name != plumbing.HEAD && (!strings.HasPrefix(name.String(), "refs/") || name.Validate() != nil) {
		return nil, plumbing.ErrReferenceNotFound
	}
	return r.refs.find(name)
}

var describedName = pattern.Lazy(`-g([0-9a-f]{4,40})$`) // as git describe writes it

// abbreviated finds the commit or tag whose id begins with the given digits.
func (r *Repository) abbreviated(op, name string) (plumbing.Hash, string, error) {
	digits := strings.ToLower(name)
	if m := describedName().FindStringSubmatch(name); m != nil {
		digits = m[1]
	}
	if len(digits) < 4 || len(digits) > 2*hashSize || strings.Trim(digits, "0123456789abcdef") != "" {
		return plumbing.ZeroHash, "", fail(NoRevision, op, r.suggest(name), "no branch, tag or commit of that name")
	}
	ids, err := r.objects.withPrefix(digits)
	if err != nil {
		return plumbing.ZeroHash, "", &Error{Op: op, Kind: Corrupt, Err: err}
	}
	var commits []string
	for _, id := range ids {
		o, err := r.reader.read(id, plumbing.AnyObject)
		if err != nil {
			return plumbing.ZeroHash, "", err
		}
		if o.kind == plumbing.CommitObject || o.kind == plumbing.TagObject {
			commits = append(commits, id.String())
		}
	}
	switch {
	case len(commits) == 1:
		return plumbing.NewHash(commits[0]), "", nil
	case len(commits) > 1:
		return plumbing.ZeroHash, "", fail(NoRevision, op, "one of "+strings.Join(commits[:min(len(commits), 4)], ", "),
			"%d commits and tags begin so", len(commits))
	case len(ids) > 0:
		return plumbing.ZeroHash, "", fail(NotCommit, op, "give a branch, a tag or a commit id", "names no commit")
	}
	return plumbing.ZeroHash, "", fail(NoRevision, op, r.suggest(name), "no branch, tag or commit of that name")
}

// peel goes from a tag to its commit.
func (r *Repository) peel(op string, id plumbing.Hash) (*node, error) {
	for range 16 {
		o, err := r.reader.read(id, plumbing.AnyObject)
		if e := (*Error)(nil); errors.As(err, &e) && e.Kind == Missing {
			return nil, fail(NoRevision, op, fullHistory, "commit %s is not in this repository", id)
		}
		if err != nil {
			return nil, err
		}
		switch o.kind {
		case plumbing.CommitObject:
			return r.node(id)
		case plumbing.TagObject:
			if id, err = parseTag(o.data); err != nil {
				return nil, corrupt(id, "%w", err)
			}
		default:
			return nil, fail(NotCommit, op, "give a branch, a tag or a commit id", "%s is a %s, not a commit", id, o.kind)
		}
	}
	return nil, fail(NotCommit, op, "", "tags of tags without end")
}

var (
	parentStep   = pattern.Lazy(`^\^([0-9]*)`)
	ancestorStep = pattern.Lazy(`^~([0-9]*)`)
)

// step takes one of ^, ^2, ~3, ^{commit} and ^{/text} from the front of steps.
func (r *Repository) step(op string, n *node, steps string) (*node, string, error) {
	if text, ok := strings.CutPrefix(steps, "^{/"); ok && strings.HasSuffix(text, "}") {
		n, err := r.youngest(op, strings.TrimSuffix(text, "}"), n)
		return n, "", err
	}
	for _, same := range []string{"^{commit}", "^{}", "^{object}", "^0"} {
		if rest, ok := strings.CutPrefix(steps, same); ok && (rest == "" || strings.ContainsAny(rest[:1], "^~")) {
			return n, rest, nil
		}
	}
	if strings.HasPrefix(steps, "^{") {
		return nil, "", fail(NotCommit, op, "give a branch, a tag or a commit id", "%s does not lead to a commit", text.Quote(steps))
	}
	which, times := 1, 1
	form, number := parentStep, &which
	if steps[0] == '~' {
		form, number = ancestorStep, &times
	}
	m := form().FindStringSubmatch(steps)
	if m == nil {
		return nil, "", fail(NoRevision, op, "give a branch, a tag or a commit id", "%s is not understood", text.Quote(steps))
	}
	if m[1] != "" {
		var err error
		if *number, err = strconv.Atoi(m[1]); err != nil {
			return nil, "", fail(NoRevision, op, "", "%s is out of bounds", text.Quote(m[0]))
		}
	}
	for range times {
		if n.cut {
			return nil, "", fail(Shallow, op, fullHistory, "the clone is shallow and its history ends at commit %s", n.id)
		}
		if which > len(n.parents) {
			return nil, "", fail(NoRevision, op, "", "commit %s has %d parents", n.id, len(n.parents))
		}
		var err error
		if n, err = r.node(n.parents[which-1]); err != nil {
			return nil, "", err
		}
	}
	return n, steps[len(m[0]):], nil
}

// youngest finds the youngest commit whose message matches, among all that
// from reaches, or any reference where from is nil.
func (r *Repository) youngest(op, text string, from *node) (*node, error) {
	match, err := regexp.Compile(text)
	if err != nil {
		return nil, fail(NoRevision, op, "", "not a regular expression")
	}
	var starts []*node
	if from != nil {
		starts = append(starts, from)
	} else {
		refs, err := r.refs.all()
		if err != nil {
			return nil, &Error{Op: op, Kind: Corrupt, Err: err}
		}
		for _, ref := range refs {
			if ref.Type() != plumbing.HashReference || strings.HasPrefix(ref.Name().String(), "refs/replace/") {
				continue
			}
			if n, err := r.peel(op, ref.Hash()); err == nil {
				starts = append(starts, n)
			} // a reference to a tree or blob is none to search
		}
	}
	var q queue
	seen := map[*node]bool{}
	push := func(n *node) {
		if !seen[n] {
			seen[n] = true
			heap.Push(&q, n)
		}
	}
	for _, n := range starts {
		push(n)
	}
	for q.Len() > 0 {
		n := heap.Pop(&q).(*node)
		o, err := r.reader.read(n.id, plumbing.CommitObject)
		if err != nil {
			return nil, err
		}
		if _, message, _ := strings.Cut(string(o.data), "\n\n"); match.MatchString(message) {
			return n, nil
		}
		for _, id := range n.parents {
			parent, err := r.node(id)
			if err != nil {
				return nil, err
			}
			push(parent)
		}
	}
	return nil, fail(NoRevision, op, "", "no commit's message matches")
}
