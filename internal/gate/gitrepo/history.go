package gitrepo

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// marks are what the walk from two commits knows of a third.
type marks struct {
	ours, theirs bool // reachable from head, from base
	stale        bool // below a common ancestor: no best common ancestor itself
	queued       bool
	result       bool
}

func (m marks) common() bool { return m.ours && m.theirs }

// queue holds commits to visit, the youngest first.
type queue struct {
	nodes []*node
	fresh int // how many of them are not stale
}

func (q *queue) Len() int { return len(q.nodes) }
func (q *queue) Less(i, j int) bool {
	a, b := q.nodes[i], q.nodes[j]
	return a.when > b.when || a.when == b.when && bytes.Compare(a.id[:], b.id[:]) < 0
}
func (q *queue) Swap(i, j int) { q.nodes[i], q.nodes[j] = q.nodes[j], q.nodes[i] }
func (q *queue) Push(x any)    { q.nodes = append(q.nodes, x.(*node)) }
func (q *queue) Pop() any {
	last := q.nodes[len(q.nodes)-1]
	q.nodes = q.nodes[:len(q.nodes)-1]
	return last
}

// mark adds to what is known of n, and queues it where that is news.
func (q *queue) mark(n *node, m marks) {
	if (n.ours || !m.ours) && (n.theirs || !m.theirs) && (n.stale || !m.stale) {
		return
	}
	if n.queued && !n.stale && m.stale {
		q.fresh--
	}
	n.ours, n.theirs, n.stale = n.ours || m.ours, n.theirs || m.theirs, n.stale || m.stale
	if !n.queued {
		n.queued = true
		heap.Push(q, n)
		if !n.stale {
			q.fresh++
		}
	}
}

func (q *queue) next() *node {
	n := heap.Pop(q).(*node)
	n.queued = false
	if !n.stale {
		q.fresh--
	}
	return n
}

// relation is how two commits stand to each other.
type relation struct {
	bases []*node // the best common ancestors, youngest first
	ours  []*node // reachable from head and not from base, parents first
}

// relate walks the history of both commits as far as their best common
// ancestors, the way git merge-base does. The order of the visits follows the
// committers' times, but the result does not depend on them: a commit counts
// as part of the base's history only when a chain of parents proves it.
func (r *Repository) relate(ctx context.Context, base, head *node) (relation, error) {
	for _, n := range r.nodes {
		n.marks = marks{}
	}
	var q queue
	q.mark(head, marks{ours: true})
	q.mark(base, marks{theirs: true})
	var found, ours []*node
	oldest := int64(math.MaxInt64) // of ours
	for q.fresh > 0 {
		n := q.next()
		if n.common() && !n.stale && !n.result {
			n.result = true
			found = append(found, n)
		} else if n.ours && !n.theirs {
			ours, oldest = append(ours, n), min(oldest, n.when)
		}
		if err := r.spread(ctx, &q, n); err != nil {
			return relation{}, err
		}
	}
	// Where clocks went wrong, a commit may have been met from the head first
	// and lie below the base all the same. Walk on past the oldest of them. If
	// the clocks were more wrong than that, the range has a commit too many, as
	// git's has; never one too few.
	for len(ours) > 0 && q.Len() > 0 && q.nodes[0].when >= oldest {
		if err := r.spread(ctx, &q, q.next()); err != nil {
			return relation{}, err
		}
	}
	for _, n := range r.nodes {
		if n.cut && (n.ours || n.theirs) && !n.common() {
			return relation{}, fail(Shallow, "find the common ancestor of base and head", fullHistory,
				"the clone is shallow and its history ends at commit %s", n.id)
		}
	}
	found = slices.DeleteFunc(found, func(n *node) bool { return n.stale })
	bases, err := r.independent(ctx, found)
	if err != nil {
		return relation{}, err
	}
	return relation{bases: bases, ours: r.order(head)}, nil
}

// spread marks the parents of a commit that was taken from the queue.
func (r *Repository) spread(ctx context.Context, q *queue, n *node) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := marks{ours: n.ours, theirs: n.theirs, stale: n.stale || n.common()}
	for _, id := range n.parents {
		parent, err := r.node(id)
		if err != nil {
			return err
		}
		q.mark(parent, m)
	}
	return nil
}

// independent leaves out the commits that are ancestors of others.
func (r *Repository) independent(ctx context.Context, found []*node) ([]*node, error) {
	if len(found) < 2 {
		return found, nil
	}
	oldest := slices.MinFunc(found, func(a, b *node) int { return cmp.Compare(a.when, b.when) }).when
	below := map[plumbing.Hash]bool{}
	var todo []plumbing.Hash
	for _, n := range found {
		todo = append(todo, n.parents...)
	}
	for len(todo) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if below[id] {
			continue
		}
		below[id] = true
		n, err := r.node(id)
		if err != nil {
			return nil, err
		}
		// With wrong clocks this may leave one too many, which is a gap, not a
		// wrong answer.
		if n.when >= oldest {
			todo = append(todo, n.parents...)
		}
	}
	found = slices.DeleteFunc(found, func(n *node) bool { return below[n.id] })
	return found, nil
}

// order gives the commits that only head reaches, parents before children.
func (r *Repository) order(head *node) []*node {
	var out []*node
	type frame struct {
		n    *node
		next int
	}
	seen := map[*node]bool{head: true}
	stack := []frame{{n: head}}
	if head.theirs {
		return nil
	}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == len(top.n.parents) {
			out = append(out, top.n)
			stack = stack[:len(stack)-1]
			continue
		}
		parent := r.nodes[top.n.parents[top.next]]
		top.next++
		if parent != nil && parent.ours && !parent.theirs && !seen[parent] {
			seen[parent] = true
			stack = append(stack, frame{n: parent})
		}
	}
	return out
}
