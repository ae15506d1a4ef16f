package fakehub

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Pull is a pull request that a test opens.
type Pull struct {
	// Number is the next free one when 0.
	Number int
	// Title and Body are as their author wrote them.
	Title, Body string
	// Head and Base are branches; Base is the default branch when empty.
	Head, Base string
	// HeadRepo is the full name of the fork that Head is in; empty for the same
	// repository.
	HeadRepo string
	// HeadGone says that the fork was deleted: GitHub then names no repository.
	HeadGone bool
	// HeadSHA and BaseSHA hold the commits fast; they follow the branches when
	// empty. GitHub's own base SHA may lag behind the base branch.
	HeadSHA, BaseSHA string
	// Author is a login.
	Author string
	Draft  bool
	Labels []string
	// Closed says that it is closed already, and not merged.
	Closed bool
	// Created is the hub's time when zero.
	Created time.Time
	// Commits and ChangedFiles are the counts that GitHub tells; the real ones
	// when 0.
	Commits, ChangedFiles int
	// MergeableUnknown says that GitHub is still computing whether it merges.
	MergeableUnknown bool
	// CleanStatus says that nothing is left to wait for: GitHub then refuses
	// auto-merge.
	CleanStatus bool
	// Blocked says that a required check is missing, so that it does not merge.
	Blocked bool
}

type pull struct {
	Pull
	id        int64
	repo      *repo
	head      string // the last known head commit
	updated   time.Time
	closed    time.Time
	merged    time.Time
	mergedBy  string
	mergeSHA  string
	reviews   []*review
	autoMerge *autoMerge
}

type autoMerge struct {
	method, by, title, body string
	since                   time.Time
}

type review struct {
	id                int64
	user, state, body string
	commit            string
	submitted         time.Time
}

// OpenPull opens a pull request and gives its number. It panics where GitHub
// would have no such branch.
func (h *Hub) OpenPull(fullName string, p Pull) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	made, err := h.repo(fullName).open(p)
	if err != nil {
		panic("fakehub: " + err.Error())
	}
	return made.Number
}

func (r *repo) open(p Pull) (*pull, error) {
	if p.Number == 0 {
		p.Number = r.lastNumber + 1
	}
	r.lastNumber = max(r.lastNumber, p.Number)
	p.Base = cmp.Or(p.Base, r.DefaultBranch)
	if p.Created.IsZero() {
		p.Created = r.hub.now()
	}
	p.Author = cmp.Or(p.Author, r.Owner)
	r.hub.account(p.Author)
	made := &pull{Pull: p, id: r.hub.id(), repo: r, updated: p.Created}
	if p.Closed {
		made.closed = p.Created
	}
	if made.headSHA() == "" {
		return nil, fmt.Errorf("open pull request of %s: no branch %q", r.FullName(), p.Head)
	}
	if made.baseSHA() == "" {
		return nil, fmt.Errorf("open pull request of %s: no branch %q", r.FullName(), p.Base)
	}
	for _, label := range p.Labels {
		r.labels[label] = ""
	}
	r.pulls[p.Number] = made
	return made, nil
}

func (p *pull) open() bool { return p.closed.IsZero() }

// closePulls closes the pull requests from and to a branch that was deleted, as
// GitHub does where that is not done on its pages.
func (r *repo) closePulls(branch string) {
	for _, p := range r.pulls {
		if p.open() && (p.Base == branch || p.Head == branch && p.headRepo() == r) {
			p.closed = r.hub.now()
		}
	}
}

// headRepo is the repository of the head branch; nil when it is gone.
func (p *pull) headRepo() *repo {
	switch {
	case p.HeadGone:
		return nil
	case p.HeadRepo == "":
		return p.repo
	}
	return p.repo.hub.repo(p.HeadRepo)
}

// headSHA is the head commit: the branch's while the pull request is open, and
// the last known one after that.
func (p *pull) headSHA() string {
	if p.HeadSHA != "" {
		return p.HeadSHA
	}
	from := p.headRepo()
	if from == nil || p.head != "" && !p.open() {
		return p.head
	}
	now, ok := from.git.resolve("refs/heads/" + p.Head)
	if !ok || now == p.head {
		return p.head
	}
	if from != p.repo {
		// GitHub keeps the commits of forks in one store.
		if _, err := p.repo.git.run(false, "fetch", "-q", from.Dir, "+"+now+":refs/pull/"+fmt.Sprint(p.Number)+"/head"); err != nil {
			p.repo.hub.problem("fetch the head of pull request %d: %v", p.Number, err)
			return p.head
		}
	}
	if from == p.repo {
		if _, err := from.git.run(false, "update-ref", fmt.Sprintf("refs/pull/%d/head", p.Number), now); err != nil {
			p.repo.hub.problem("note the head of pull request %d: %v", p.Number, err)
		}
	}
	if p.head != "" {
		p.updated = p.repo.hub.now()
	}
	p.head = now
	return now
}

func (p *pull) baseSHA() string {
	if p.BaseSHA != "" {
		return p.BaseSHA
	}
	sha, _ := p.repo.git.resolve("refs/heads/" + p.Base)
	return sha
}

// commits are the ids from base to head, oldest first.
func (p *pull) commits() []string {
	all, err := p.repo.git.between(p.baseSHA(), p.headSHA())
	if err != nil {
		p.repo.hub.problem("list commits of pull request %d: %v", p.Number, err)
	}
	return all
}

// label is OWNER:BRANCH of the head.
func (p *pull) label() string {
	owner := p.repo.Owner
	switch {
	case p.HeadGone:
		owner = "unknown repository"
	case p.HeadRepo != "":
		owner, _, _ = strings.Cut(p.HeadRepo, "/")
	}
	return owner + ":" + p.Head
}

// mergeTree merges base and head in memory; false when they conflict.
func (p *pull) mergeTree() (string, bool) {
	out, err := p.repo.git.run(true, "merge-tree", "--write-tree", p.baseSHA(), p.headSHA())
	if err != nil {
		return "", false
	}
	return strings.TrimSpace(out), true
}

// pullsByNumber lists pull requests, the newest first.
func (r *repo) pullsByNumber() []*pull {
	var all []*pull
	for n := r.lastNumber; n > 0; n-- {
		if p, ok := r.pulls[n]; ok {
			all = append(all, p)
		}
	}
	return all
}

// OpenPulls gives the numbers of the open pull requests, the lowest first.
func (h *Hub) OpenPulls(fullName string) []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.repo(fullName)
	var all []int
	for n := 1; n <= r.lastNumber; n++ {
		if p, ok := r.pulls[n]; ok && p.open() {
			all = append(all, n)
		}
	}
	return all
}
