package settings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	// MaxRequests bounds how many requests Read sends, retries aside.
	MaxRequests = 42
	// maxRulesets bounds how many rulesets are asked who may bypass them.
	maxRulesets = 6
	// maxOrganizationHooks bounds how many of them are asked what became of their
	// last delivery.
	maxOrganizationHooks = 2

	administers = "the token needs Administration: read (classic: repo), and its account must administer the repository"
	needsRead   = "the token needs Contents: read"
)

// Read reads what is set on GitHub: rules of the branches, GitHub Actions,
// workflows, webhooks. It sends about ten requests, up to three for each other
// base, and two for each environment, one after the other, and changes nothing. What the token may not read is
// told in Unread; an error means that nothing could be read.
func Read(ctx context.Context, c *github.Client, i settings.Intent) (settings.Settings, error) {
	ctx, cancel := c.Limited(ctx)
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
	full := c.Owner + "/" + c.Name
	op := "read the settings of " + full
	if _, err := c.Ask(ctx, op, http.MethodGet, c.Place(), &repo); err != nil {
		return settings.Settings{}, err
	}
	if repo.DefaultBranch == "" {
		return settings.Settings{}, github.Odd(op, "a repository without a default branch")
	}
	g := &gatherer{c: c, ctx: ctx, intent: i, organization: repo.Owner.Type == "Organization"}
	g.s = settings.Settings{
		Repository: full, Private: repo.Private, DefaultBranch: repo.DefaultBranch,
		Merging: settings.Merging{AutoMerge: repo.AllowAutoMerge, DeleteBranch: repo.DeleteBranchOnMerge},
	}
	g.s.Head = g.branch(settings.CheckHead, i.HeadBranch())
	g.s.Base = g.branch(settings.CheckBase, cmp.Or(i.Base, repo.DefaultBranch))
	g.others()
	g.rulesets()
	g.workflows()
	g.actions()
	g.secrets()
	g.hooks()
	return g.s, nil
}

// gatherer reads one part after the other.
type gatherer struct {
	c            *github.Client
	ctx          context.Context
	intent       settings.Intent
	organization bool
	// stopped is why no further request would be answered.
	stopped *github.Error
	s       settings.Settings
}

// get asks, unless no further request would be answered.
func (g *gatherer) get(op, address string, out any) (*gh.Response, error) {
	if g.stopped != nil {
		return nil, g.stopped
	}
	resp, err := g.c.Ask(g.ctx, op, http.MethodGet, address, out)
	switch github.KindOf(err) {
	case github.Unauthorized, github.SSO, github.PrimaryLimit, github.SecondaryLimit, github.Network:
		g.stopped = github.Classify(g.ctx, op, err)
	}
	return resp, err
}

// read asks for a part of the repository's settings, and notes for a check that it
// could not be read.
func (g *gatherer) read(check, what, address string, out any, hint string) bool {
	_, err := g.get("read "+what, address, out)
	g.unread(check, what, err, hint)
	return err == nil
}

// unread says of a part that it could not be read, and what may be done.
func (g *gatherer) unread(check, what string, err error, hint string) {
	e, ok := errors.AsType[*github.Error](err)
	if !ok {
		return
	}
	why := e.Text()
	if e.Kind != github.Forbidden && e.Kind != github.NotFound {
		hint = e.Hint()
	}
	if hint != "" {
		why += "; " + hint
	}
	g.note(check, what, why)
}

func (g *gatherer) note(check, what, why string) {
	g.s.Unread = append(g.s.Unread, doctor.Unread{Check: check, What: what, Why: why})
}

// says tells whether GitHub refuses with a kind of answer that holds some words.
func says(err error, kind github.Kind, words string) bool {
	e, ok := errors.AsType[*github.Error](err)
	return ok && e.Kind == kind && strings.Contains(e.Text(), words)
}

// branch reads what holds for a branch. Its rules do not need the branch to be
// there; branch protection is shown only for one that is.
func (g *gatherer) branch(check, name string) settings.Branch {
	b := settings.Branch{Name: name}
	what := fmt.Sprintf("the rules of branch %q", name)
	var err error
	b.Rules, err = g.rules("read "+what, name)
	if b.Unavailable = says(err, github.Forbidden, "Upgrade to GitHub"); b.Unavailable {
		return b // the owner's plan has no rules
	}
	g.unread(check, what, err, "the token needs Metadata: read")
	var shown struct {
		Protection struct {
			Enabled bool       `json:"enabled"`
			Checks  checksJSON `json:"required_status_checks"`
		} `json:"protection"`
	}
	what = fmt.Sprintf("branch %q", name)
	at := g.c.Place() + "/branches/" + url.PathEscape(name)
	if _, err := g.get("read "+what, at, &shown); err != nil {
		hint := needsRead
		if b.Missing = github.KindOf(err) == github.NotFound; b.Missing {
			hint = "it is not there at the moment, and branch protection is shown only of branches that are; look again when it is"
		}
		g.unread(check, "the protection of "+what, err, hint)
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
	Strict   bool     `json:"strict"`
	Contexts []string `json:"contexts"`
	Checks   []struct {
		Context string `json:"context"`
		AppID   *int64 `json:"app_id"`
	} `json:"checks"`
}

func (c checksJSON) required() []settings.RequiredCheck {
	var all []settings.RequiredCheck
	for _, one := range c.Checks {
		check := settings.RequiredCheck{Name: one.Context}
		if one.AppID != nil && *one.AppID > 0 {
			check.Source = *one.AppID
		}
		all = append(all, check)
	}
	for _, name := range c.Contexts {
		if !slices.ContainsFunc(all, func(r settings.RequiredCheck) bool { return r.Name == name }) {
			all = append(all, settings.RequiredCheck{Name: name})
		}
	}
	return all
}

// ruleJSON is one rule of a ruleset.
type ruleJSON struct {
	Type       string `json:"type"`
	RulesetID  int64  `json:"ruleset_id"`
	Parameters struct {
		Strict bool `json:"strict_required_status_checks_policy"`
		Checks []struct {
			Context     string `json:"context"`
			Integration int64  `json:"integration_id"`
		} `json:"required_status_checks"`
	} `json:"parameters"`
}

// rules reads the rules of all active rulesets for a branch, which are at most two
// pages.
func (g *gatherer) rules(op, branch string) ([]settings.BranchRule, error) {
	var all []settings.BranchRule
	at := g.c.Place() + "/rules/branches/" + url.PathEscape(branch)
	err := github.List(op, at, url.Values{"page": {"1"}}, 2, g.get, func(page []ruleJSON) (bool, error) {
		for _, one := range page {
			rule := settings.BranchRule{Type: one.Type, Ruleset: one.RulesetID, Strict: one.Parameters.Strict}
			for _, c := range one.Parameters.Checks {
				rule.Checks = append(rule.Checks, settings.RequiredCheck{Name: c.Context, Source: c.Integration})
			}
			all = append(all, rule)
		}
		return true, nil
	})
	if err != nil {
		return nil, err
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
		if _, err := g.get(fmt.Sprintf("read ruleset %d", id), fmt.Sprintf("%s/rulesets/%d", g.c.Place(), id), &one); err != nil {
			continue
		}
		r := settings.Ruleset{ID: id, Name: one.Name, Source: one.Source, Hidden: one.Bypass == nil}
		if one.Bypass != nil {
			for _, a := range *one.Bypass {
				r.Bypass = append(r.Bypass, settings.Actor{Kind: a.Kind, ID: a.ID, Mode: a.Mode})
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
}

func (w whoJSON) pushers() settings.Pushers {
	var p settings.Pushers
	for _, u := range w.Users {
		p.Users = append(p.Users, settings.Account{Login: u.Login, ID: u.ID})
	}
	for _, t := range w.Teams {
		p.Teams = append(p.Teams, t.Slug)
	}
	return p
}

type switchJSON struct {
	Enabled bool `json:"enabled"`
}

// protection reads a branch's classic protection; nil where there is none.
func (g *gatherer) protection(check, name, address string) *settings.Protection {
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
	if _, err := g.get("read "+what, address, &p); err != nil {
		if says(err, github.NotFound, "Branch not protected") {
			return nil
		}
		g.unread(check, what, err, administers)
		return &settings.Protection{Partial: true}
	}
	out := &settings.Protection{
		Signatures: p.Signatures.Enabled, ForcePushes: p.ForcePushes.Enabled, Deletions: p.Deletions.Enabled, Locked: p.Lock.Enabled,
		PullRequest: p.Reviews != nil, Restricted: p.Restrictions != nil,
	}
	if p.Checks != nil {
		out.Checks, out.Strict = p.Checks.required(), p.Checks.Strict
	}
	if p.Reviews != nil {
		out.Bypassers = p.Reviews.Bypass.pushers()
	}
	if p.Restrictions != nil {
		out.Pushers = p.Restrictions.pushers()
	}
	return out
}

const workflowsQuery = `query($owner: String!, $name: String!, $at: String!) {
  repository(owner: $owner, name: $name) {
    object(expression: $at) { ... on Tree { entries { name object { ... on Blob { text isTruncated } } } } }
  }
}`

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
	var err error
	switch at := map[string]any{"at": g.s.DefaultBranch + ":" + dir}; {
	case g.stopped != nil:
		err = g.stopped
	default:
		if err = g.c.Query(g.ctx, "read "+what, workflowsQuery, at, &answer); err == nil && answer.Repository == nil {
			err = github.Odd("read "+what, "the answer has no repository")
		}
	}
	if err != nil {
		g.unread(settings.CheckWorkflow, what, err, needsRead)
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
			g.note(settings.CheckWorkflow, text.Quote(path), "it is too large, or no text")
			continue
		}
		w, err := settings.ParseWorkflow(path, []byte(*entry.Object.Text))
		switch {
		case err == nil:
			g.s.Workflows = append(g.s.Workflows, w)
		case strings.Contains(strings.ToLower(*entry.Object.Text), strings.ToLower(settings.Action)):
			g.note(settings.CheckWorkflow, text.Quote(path), github.Printable(err.Error()))
		}
	}
}
