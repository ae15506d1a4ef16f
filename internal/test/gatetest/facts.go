package gatetest

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// facts is the file facts.yaml. What it leaves out is honest: one commit by
// Flux's documented bot, from its branch to main, on 2026-11-22, in a local
// repository.
type facts struct {
	HeadRef string `yaml:"head-ref"`
	BaseRef string `yaml:"base-ref"`
	// Repository is owner/name; absent where that is not known.
	Repository string `yaml:"repository"`
	Today      string `yaml:"today"`
	// Removed are files of the base that are not in head, TipRemoved those
	// that are not at the base's tip.
	Removed    []string `yaml:"removed"`
	TipRemoved []string `yaml:"tip-removed"`
	// Modes are Git's file modes at head; a file that is not named has its mode
	// of the base, which is a regular file's where BaseModes does not name it.
	Modes     map[string]change.Mode `yaml:"modes"`
	BaseModes map[string]change.Mode `yaml:"base-modes"`
	// TipModes are those that the base has given files since.
	TipModes map[string]change.Mode `yaml:"tip-modes"`
	// Crosswise says that there are several merge bases.
	Crosswise bool `yaml:"crosswise"`
	// Pad lengthens files with comment lines to at least so many bytes.
	Pad     map[string]int `yaml:"pad"`
	Commits []commit       `yaml:"commits"`
	// Apps are the accounts of type Bot.
	Apps []account `yaml:"apps"`
	Pull *pull     `yaml:"pull"`
	Gaps []string  `yaml:"gaps"`
	// Past is what the base's commits did to files before, newest first.
	Past    []past `yaml:"past"`
	PastCut string `yaml:"past-cut"`
	// Unsearched files and folders of the base; a folder's ends in a slash.
	Unsearched []string `yaml:"unsearched"`
	// IgnoreIdentity judges contents alone.
	IgnoreIdentity bool `yaml:"ignore-identity"`
}

// commit is one commit of the change, oldest first; an empty one is Flux's.
type commit struct {
	Author           string  `yaml:"author"`    // name <email>
	Committer        string  `yaml:"committer"` // the author where absent
	Parents          *int    `yaml:"parents"`   // 1 where absent
	Message          *string `yaml:"message"`
	Mechanical       bool    `yaml:"mechanical"` // and Parents 2
	Account          int64   `yaml:"account"`
	CommitterAccount *int64  `yaml:"committer-account"` // Account where absent
	Signature        struct {
		Kind     string `yaml:"kind"`
		Verified bool   `yaml:"verified"`
		Key      string `yaml:"key"`
		Reason   string `yaml:"reason"`
	} `yaml:"signature"`
}

// past is one commit of the base that replaced a text in a file, which is otherwise as
// the next one found it. An empty one is Flux's.
type past struct {
	commit `yaml:",inline"`
	Path   string `yaml:"path"`
	From   string `yaml:"from"`
	To     string `yaml:"to"`
	// Was is the whole file before the commit, instead of From and To; Gone says that the
	// commit removed it.
	Was  string `yaml:"was"`
	Gone bool   `yaml:"gone"`
}

type account struct {
	Login string `yaml:"login"`
	ID    int64  `yaml:"id"`
}

type pull struct {
	Number    int     `yaml:"number"`
	Title     string  `yaml:"title"`
	Body      string  `yaml:"body"`
	Opener    account `yaml:"opener"`
	HeadRepo  *int64  `yaml:"head-repo"` // 100 where absent
	BaseRepo  *int64  `yaml:"base-repo"` // 100 where absent
	HeadOwner account `yaml:"head-owner"`
	Pusher    account `yaml:"pusher"`
	// AlsoPushed are accounts that pushed below the head; zero ones are unknown.
	AlsoPushed []account `yaml:"also-pushed"`
}

const (
	bot        = "fluxcdbot <fluxcdbot@users.noreply.github.com>"
	botMessage = "Update from image update automation"
	repository = 100
)

// commits gives every commit an id, and parents that join it to the one before.
func (f facts) commits(revisions change.Facts, day time.Time) ([]change.Commit, error) {
	list := f.Commits
	if list == nil {
		list = []commit{{}}
	}
	var out []change.Commit
	parent := revisions.MergeBase.Commit
	for i, c := range list {
		made, err := c.made(day)
		if err != nil {
			return nil, err
		}
		made.SHA = objectID("commit", []byte(strconv.Itoa(i)))
		if i == len(list)-1 {
			made.SHA = revisions.Head.Commit
		}
		for n := range deref(c.Parents, 1) {
			if n > 0 {
				parent = objectID("commit", fmt.Appendf(nil, "parent %d of %d", n, i))
			}
			made.Parents = append(made.Parents, parent)
		}
		parent = made.SHA
		out = append(out, made)
	}
	return out, nil
}

// made is a commit without id and parents.
func (c commit) made(day time.Time) (change.Commit, error) {
	author, err := signature(cmp.Or(c.Author, bot), day)
	if err != nil {
		return change.Commit{}, err
	}
	committer, err := signature(cmp.Or(c.Committer, c.Author, bot), day)
	return change.Commit{
		Author: author, Committer: committer,
		Message: deref(c.Message, botMessage), Mechanical: c.Mechanical,
		Account: c.Account, CommitterAccount: deref(c.CommitterAccount, c.Account),
		Verification: change.Verification{
			Kind: c.Signature.Kind, Verified: c.Signature.Verified, Key: c.Signature.Key, Reason: c.Signature.Reason,
		},
	}, err
}

// signature reads name <email>; quirks of real addresses stay as they are.
func signature(text string, day time.Time) (change.Signature, error) {
	name, rest, ok := strings.Cut(text, " <")
	email, closed := strings.CutSuffix(rest, ">")
	if !ok || !closed {
		return change.Signature{}, fmt.Errorf("%q is not name <email>", text)
	}
	return change.Signature{Name: name, Email: email, When: day.Add(12 * time.Hour)}, nil
}

func (f facts) pull() *change.Pull {
	if f.Pull == nil {
		return nil
	}
	var also []change.Account
	for _, a := range f.Pull.AlsoPushed {
		also = append(also, change.Account(a))
	}
	return &change.Pull{
		AlsoPushed: also,
		Number:     f.Pull.Number, Title: f.Pull.Title, Body: f.Pull.Body,
		Opener: change.Account(f.Pull.Opener), Pusher: change.Account(f.Pull.Pusher),
		HeadOwner:  change.Account(f.Pull.HeadOwner),
		HeadRepoID: deref(f.Pull.HeadRepo, repository), BaseRepoID: deref(f.Pull.BaseRepo, repository),
	}
}

func deref[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
