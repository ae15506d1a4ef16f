package plan

import (
	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Pull is a pull request as a plan needs it. Title and Body are outside text.
type Pull struct {
	Number           int
	Head             string // commit id
	HeadRef, BaseRef string // branch names
	// SameRepository says that the head's branch is in the base's repository.
	SameRepository bool
	Open, Merged   bool
	// Bot says that an app or a workflow's token opened it, not a person.
	Bot         bool
	Title, Body string
	Link        string // its page
}

// ours tells whether its words are ours to change: written by us, or by another
// workflow of the same kind. A person's words are the person's.
func (p Pull) ours() bool { return proposal.Owned(p.Body) || p.Bot }

// Proposal is a pull request that there should be.
type Proposal struct {
	// Branch is where the bot pushed SHA, Base where it is to be merged.
	Branch, Base, SHA string
	// Updates are what the change does to the base, all commits together.
	Updates   []proposal.Update
	Templates proposal.Templates
	// TakenBack says that the base had some of them and took them back.
	TakenBack bool
	DryRun    bool
}

// Proposed is what is on GitHub now.
type Proposed struct {
	// Head is the branch's head, empty where the branch is gone.
	Head string
	// Pulls are the pull requests from the branch to the base, newest first,
	// closed ones too.
	Pulls []Pull
}

// Propose plans to open the pull request, or to bring its words up to date. It
// never opens one again that was closed at this commit, or for what was taken back.
func Propose(p Proposal, now Proposed) (Plan, error) {
	var plan Plan
	switch {
	case now.Head == "":
		plan.note("the branch %s is gone: nothing to propose", text.Plain(p.Branch))
		return plan, nil
	case now.Head != p.SHA:
		plan.Moved = true
		plan.note("the branch %s moved on to %s: the push of that commit proposes it", text.Plain(p.Branch), text.Commit(now.Head))
		return plan, nil
	case len(p.Updates) == 0:
		plan.note("%s updates no image of %s: nothing to propose", text.Plain(p.Branch), text.Plain(p.Base))
		return plan, nil
	}
	branch := text.Plain(p.Branch)
	text, err := proposal.Render(p.Templates, p.Updates, p.Branch, p.Base)
	if err != nil {
		return plan, err
	}
	for _, pull := range now.Pulls {
		if pull.Open && pull.SameRepository {
			plan.refresh(pull, text)
			return plan, nil
		}
	}
	for _, pull := range now.Pulls {
		if !pull.Merged && pull.SameRepository && pull.Head == p.SHA {
			plan.note("#%d proposed this commit and was closed: it is not opened again", pull.Number)
			return plan, nil
		}
	}
	if p.TakenBack {
		plan.note("the base took back what %s brings again: no pull request is opened", branch)
		return plan, nil
	}
	plan.do(OpenPull{p.Branch, p.Base, text.Title, proposal.Place("", text.Body)})
	return plan, nil
}

// refresh plans to write title and body anew where they are ours and differ.
func (p *Plan) refresh(pull Pull, text proposal.Text) {
	if !pull.ours() {
		p.note("#%d is open with words of a person: they stay as they are", pull.Number)
		return
	}
	edit := EditPull{Number: pull.Number}
	if pull.Title != text.Title {
		edit.Title = text.Title
	}
	if body := proposal.Place(pull.Body, text.Body); !proposal.Same(body, pull.Body) {
		edit.Body = body
	}
	if edit.Title == "" && edit.Body == "" {
		p.note("#%d is up to date", pull.Number)
		return
	}
	p.do(edit)
}
