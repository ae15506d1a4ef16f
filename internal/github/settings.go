package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
)

const (
	// MaxSettings bounds how many requests Settings sends, retries aside.
	MaxSettings = 20
	// maxRulesets bounds how many rulesets are asked who may bypass them.
	maxRulesets = 6
	// maxOrganizationHooks bounds how many of them are asked what became of their
	// last delivery.
	maxOrganizationHooks = 2

	administers = "the token needs Administration: read (classic: repo), and its account must administer the repository"
)

// Settings reads what is set on GitHub: rules of the two branches, GitHub
// Actions, workflows, webhooks. It sends about ten requests, one after the other,
// and changes nothing. What the token may not read is told in Unread; an error
// means that nothing could be read.
func (c *Client) Settings(ctx context.Context, i doctor.Intent) (doctor.Settings, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	var repo struct {
		Private             bool   `json:"private"`
		DefaultBranch       string `json:"default_branch"`
		AllowAutoMerge      *bool  `json:"allow_auto_merge"`
		DeleteBranchOnMerge *bool  `json:"delete_branch_on_merge"`
		Owner               struct {
			Type string `json:"type"`
		} `json:"owner"`
	}
	place := "repos/" + c.owner + "/" + c.name
	op := "read the settings of " + c.owner + "/" + c.name
	if _, err := c.ask(ctx, op, http.MethodGet, place, &repo); err != nil {
		return doctor.Settings{}, err
	}
	if repo.DefaultBranch == "" {
		return doctor.Settings{}, odd(op, "a repository without a default branch")
	}
	g := &gatherer{c: c, ctx: ctx, place: place, intent: i, organization: repo.Owner.Type == "Organization"}
	g.s = doctor.Settings{
		Repository: c.owner + "/" + c.name, Private: repo.Private, DefaultBranch: repo.DefaultBranch,
		Merging: doctor.Merging{AutoMerge: repo.AllowAutoMerge, DeleteBranch: repo.DeleteBranchOnMerge},
	}
	base := i.Base
	if base == "" {
		base = repo.DefaultBranch
	}
	g.s.Head = g.branch(doctor.CheckHead, i.HeadBranch())
	g.s.Base = g.branch(doctor.CheckBase, base)
	g.rulesets()
	g.workflows()
	g.actions()
	g.hooks()
	return g.s, nil
}

// gatherer reads one part after the other.
type gatherer struct {
	c            *Client
	ctx          context.Context
	place        string
	intent       doctor.Intent
	organization bool
	// stopped is why no further request would be answered.
	stopped *Error
	s       doctor.Settings
}

// get asks, and gives what went wrong; nil where nothing did.
func (g *gatherer) get(what, address string, out any) (*gh.Response, *Error) {
	if g.stopped != nil {
		return nil, g.stopped
	}
	resp, err := g.c.ask(g.ctx, "read "+what, http.MethodGet, address, out)
	if err == nil {
		return resp, nil
	}
	e := classify(g.ctx, "read "+what, err)
	switch e.Kind {
	case Unauthorized, SSO, PrimaryLimit, SecondaryLimit, Network:
		g.stopped = e
	}
	return resp, e
}

// unread says of a part that it could not be read, and what may be done.
func (g *gatherer) unread(check, what string, e *Error, hint string) {
	why := e.text
	if e.Kind == Forbidden || e.Kind == NotFound {
		why += "; " + hint
	} else if e.hint != "" {
		why += "; " + e.hint
	}
	g.s.Unread = append(g.s.Unread, doctor.Unread{Check: check, What: what, Why: why})
}

// noPlan tells whether GitHub refuses because the owner's plan has no rules.
func noPlan(e *Error) bool {
	return e.Kind == Forbidden && strings.Contains(e.text, "Upgrade to GitHub")
}

// branch reads what holds for a branch. Its rules do not need the branch to be
// there; branch protection is shown only for one that is.
func (g *gatherer) branch(check, name string) doctor.Branch {
	b := doctor.Branch{Name: name}
	what := fmt.Sprintf("the rules of branch %q", name)
	var e *Error
	if b.Rules, e = g.rules(what, name); e != nil {
		if b.Unavailable = noPlan(e); b.Unavailable {
			return b
		}
		g.unread(check, what, e, "the token needs Metadata: read")
	}
	what = fmt.Sprintf("branch %q", name)
	var shown struct {
		Protection struct {
			Enabled bool       `json:"enabled"`
			Checks  checksJSON `json:"required_status_checks"`
		} `json:"protection"`
	}
	at := g.place + "/branches/" + url.PathEscape(name)
	if _, e = g.get(what, at, &shown); e != nil {
		b.Missing = e.Kind == NotFound
		hint := "it is not there at the moment, and branch protection is shown only of branches that are; look again when it is"
		if !b.Missing {
			hint = "the token needs Contents: read"
		}
		g.unread(check, "the protection of "+what, e, hint)
		return b
	}
	if !shown.Protection.Enabled {
		return b
	}
	b.Protection = g.protection(check, name, at+"/protection")
	if b.Protection != nil && b.Protection.Partial {
		b.Protection.Checks = shown.Protection.Checks.required()
	}
	return b
}

// checksJSON are the checks of branch protection. An app of -1 is any.
type checksJSON struct {
	Contexts []string `json:"contexts"`
	Checks   []struct {
		Context string `json:"context"`
		AppID   *int64 `json:"app_id"`
	} `json:"checks"`
}

func (c checksJSON) required() []doctor.RequiredCheck {
	var all []doctor.RequiredCheck
	for _, one := range c.Checks {
		check := doctor.RequiredCheck{Name: one.Context}
		if one.AppID != nil && *one.AppID > 0 {
			check.Source = *one.AppID
		}
		all = append(all, check)
	}
	for _, name := range c.Contexts {
		if !slices.ContainsFunc(all, func(r doctor.RequiredCheck) bool { return r.Name == name }) {
			all = append(all, doctor.RequiredCheck{Name: name})
		}
	}
	return all
}

// rules reads the rules of all active rulesets for a branch.
func (g *gatherer) rules(what, branch string) ([]doctor.BranchRule, *Error) {
	var all []doctor.BranchRule
	for page := 1; page != 0; {
		var list []struct {
			Type       string `json:"type"`
			RulesetID  int64  `json:"ruleset_id"`
			Parameters struct {
				Checks []struct {
					Context     string `json:"context"`
					Integration int64  `json:"integration_id"`
				} `json:"required_status_checks"`
			} `json:"parameters"`
		}
		resp, e := g.get(what, fmt.Sprintf("%s/rules/branches/%s?per_page=%d&page=%d", g.place, url.PathEscape(branch), pageSize, page), &list)
		if e != nil {
			return nil, e
		}
		for _, one := range list {
			rule := doctor.BranchRule{Type: one.Type, Ruleset: one.RulesetID}
			for _, c := range one.Parameters.Checks {
				rule.Checks = append(rule.Checks, doctor.RequiredCheck{Name: c.Context, Source: c.Integration})
			}
			all = append(all, rule)
		}
		if resp.NextPage > 2 || resp.NextPage != 0 && resp.NextPage <= page {
			return nil, odd("read "+what, "there are more rules than are read")
		}
		page = resp.NextPage
	}
	return all, nil
}

// rulesets asks who may bypass the rules. One that cannot be read is left out,
// which is as good as hidden.
func (g *gatherer) rulesets() {
	var ids []int64
	for _, r := range slices.Concat(g.s.Base.Rules, g.s.Head.Rules) {
		if !slices.Contains(ids, r.Ruleset) {
			ids = append(ids, r.Ruleset)
		}
	}
	slices.Sort(ids)
	for _, id := range ids[:min(len(ids), maxRulesets)] {
		var one struct {
			Name   string `json:"name"`
			Source string `json:"source"`
			Bypass *[]struct {
				ID   int64  `json:"actor_id"`
				Kind string `json:"actor_type"`
				Mode string `json:"bypass_mode"`
			} `json:"bypass_actors"`
		}
		if _, e := g.get(fmt.Sprintf("ruleset %d", id), fmt.Sprintf("%s/rulesets/%d", g.place, id), &one); e != nil {
			continue
		}
		r := doctor.Ruleset{ID: id, Name: one.Name, Source: one.Source, Hidden: one.Bypass == nil}
		if one.Bypass != nil {
			for _, a := range *one.Bypass {
				r.Bypass = append(r.Bypass, doctor.Actor{Kind: a.Kind, ID: a.ID, Mode: a.Mode})
			}
		}
		g.s.Rulesets = append(g.s.Rulesets, r)
	}
}

// whoJSON are those whom branch protection names.
type whoJSON struct {
	Users []struct {
		Login string `json:"login"`
		ID    int64  `json:"id"`
	} `json:"users"`
	Teams []struct {
		Slug string `json:"slug"`
	} `json:"teams"`
	Apps []struct {
		ID int64 `json:"id"`
	} `json:"apps"`
}

func (w whoJSON) pushers() doctor.Pushers {
	var p doctor.Pushers
	for _, u := range w.Users {
		p.Users = append(p.Users, doctor.Account{Login: u.Login, ID: u.ID})
	}
	for _, t := range w.Teams {
		p.Teams = append(p.Teams, t.Slug)
	}
	for _, a := range w.Apps {
		p.Apps = append(p.Apps, a.ID)
	}
	return p
}

type switchJSON struct {
	Enabled bool `json:"enabled"`
}

// protection reads a branch's classic protection; nil where there is none.
func (g *gatherer) protection(check, name, address string) *doctor.Protection {
	var p struct {
		Checks  *checksJSON `json:"required_status_checks"`
		Reviews *struct {
			Bypass whoJSON `json:"bypass_pull_request_allowances"`
		} `json:"required_pull_request_reviews"`
		Restrictions *whoJSON   `json:"restrictions"`
		Signatures   switchJSON `json:"required_signatures"`
		ForcePushes  switchJSON `json:"allow_force_pushes"`
		Deletions    switchJSON `json:"allow_deletions"`
		Lock         switchJSON `json:"lock_branch"`
	}
	what := fmt.Sprintf("the protection of branch %q", name)
	if _, e := g.get(what, address, &p); e != nil {
		if e.Kind == NotFound && strings.Contains(e.text, "Branch not protected") {
			return nil
		}
		g.unread(check, what, e, administers)
		return &doctor.Protection{Partial: true}
	}
	out := &doctor.Protection{
		Signatures: p.Signatures.Enabled, ForcePushes: p.ForcePushes.Enabled, Deletions: p.Deletions.Enabled, Locked: p.Lock.Enabled,
		PullRequest: p.Reviews != nil, Restricted: p.Restrictions != nil,
	}
	if p.Checks != nil {
		out.Checks = p.Checks.required()
	}
	if p.Reviews != nil {
		out.Bypassers = p.Reviews.Bypass.pushers()
	}
	if p.Restrictions != nil {
		out.Pushers = p.Restrictions.pushers()
	}
	return out
}

// workflows reads the workflows of the default branch, all with one query.
func (g *gatherer) workflows() {
	const dir = ".github/workflows"
	var answer struct {
		Repository *struct {
			Object *struct {
				Entries []struct {
					Name   string `json:"name"`
					Object *struct {
						Text        *string `json:"text"`
						IsTruncated bool    `json:"isTruncated"`
					} `json:"object"`
				} `json:"entries"`
			} `json:"object"`
		} `json:"repository"`
	}
	const what = "the workflows"
	e := g.stopped
	if e == nil {
		err := g.c.graphql(g.ctx, "read "+what, query{
			`query($owner:String!,$name:String!,$at:String!){repository(owner:$owner,name:$name){object(expression:$at){... on Tree{entries{name object{... on Blob{text isTruncated}}}}}}}`,
			map[string]any{"owner": g.c.owner, "name": g.c.name, "at": g.s.DefaultBranch + ":" + dir},
		}, &answer)
		if e, _ = errors.AsType[*Error](err); e == nil && answer.Repository == nil {
			e = odd("read "+what, "the answer has no repository")
		}
	}
	if e != nil {
		g.unread(doctor.CheckWorkflow, what, e, "the token needs Contents: read")
		return
	}
	if answer.Repository.Object == nil {
		return
	}
	for _, entry := range answer.Repository.Object.Entries {
		if !strings.HasSuffix(entry.Name, ".yml") && !strings.HasSuffix(entry.Name, ".yaml") || entry.Object == nil {
			continue
		}
		path := dir + "/" + entry.Name
		if entry.Object.Text == nil || entry.Object.IsTruncated {
			g.unread(doctor.CheckWorkflow, text.Quote(path), &Error{text: "it is too large, or no text"}, "")
			continue
		}
		w, err := doctor.ParseWorkflow(path, []byte(*entry.Object.Text))
		switch {
		case err == nil:
			g.s.Workflows = append(g.s.Workflows, w)
		case strings.Contains(strings.ToLower(*entry.Object.Text), strings.ToLower(g.intent.ActionName())):
			g.unread(doctor.CheckWorkflow, text.Quote(path), &Error{text: plain(err.Error())}, "")
		}
	}
}
