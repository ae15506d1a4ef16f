package audit

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// What each event has of its own.

func (p *payload) fillPush(b *Body) {
	b.Ref, b.Created, b.Deleted, b.Forced = p.Ref, p.Created, p.Deleted, p.Forced
	b.Time, b.Pusher = p.Repository.PushedAt.Time, p.Pusher.Name
	c := &p.Commits
	b.Workflow, b.Paths, b.Cut, b.SkipsCI = c.workflow, c.paths.String(), c.cut, c.skipsCI
	b.Authors, b.Made, b.Shell = strings.Join(c.authors, " "), c.made, c.shell
	b.Empty, b.Default = c.there && c.listed == 0 && !p.Created && !p.Deleted, string(p.Repository.Default)
	b.Edited = c.workflow != "" && !c.moved
	b.Fresh, b.Older = strings.Join(c.fresh, " "), strings.Join(c.older, " ")
}

func (p *payload) fillRef(b *Body) {
	b.Ref, b.Created, b.Deleted = fullRef(p.RefType, p.Ref), b.Event == "create", b.Event == "delete"
	if p.PusherType == "deploy_key" {
		b.Pusher = deployKey
	}
}

// deployKey is what GitHub writes for a pusher that has no account.
const deployKey = "deploy key"

func (p *payload) fillHook(b *Body) { b.Hook = p.HookID }

func (p *payload) fillPull(b *Body) {
	b.Default, b.Changes = string(p.Repository.Default), p.Changes.keys()
	if commands(string(p.PullRequest.Title)) {
		b.Shell = "the title"
	}
	switch p.Action {
	case "labeled", "unlabeled":
		if p.Label != nil {
			b.Subject = p.Label.Name
		}
	case "closed":
		b.Subject = "unmerged"
		if p.PullRequest.Merged {
			b.Subject, b.Merge = "merged", string(p.PullRequest.Merge)
		}
	case "edited":
		switch {
		case p.Changes["base"] != nil:
			b.Subject = "base"
		case len(p.Changes) > 0:
			b.Subject = "text"
		}
	}
}

func (p *payload) fillReview(b *Body) {
	b.Subject, b.Before = strings.ToLower(string(p.Review.State)), p.Review.CommitID
}

func (p *payload) fillComment(b *Body) {
	if own := p.Comment.User.ID == 0 || p.Comment.User.ID == p.Sender.ID; own && bool(p.Comment.Body) { // who may write can change others'
		b.Subject = gateWord
	}
}

func (p *payload) fillCheck(b *Body) {
	if o := cmp.Or(p.CheckRun, p.CheckSuite); o != nil {
		b.App, b.State = string(o.App.Slug), string(o.Conclusion)
	}
}

func (p *payload) fillRun(b *Body) {
	b.Cause, b.Run, b.Attempt = p.WorkflowRun.Event, int64(p.WorkflowRun.ID), p.WorkflowRun.Attempt
}

func (p *payload) fillJob(b *Body) {
	b.Run, b.Attempt = p.WorkflowJob.Run, p.WorkflowJob.Attempt
	own := func(label word) bool { return strings.EqualFold(string(label), "self-hosted") }
	if slices.ContainsFunc(p.WorkflowJob.Labels, own) || strings.EqualFold(string(p.WorkflowJob.Group), "default") {
		b.State = "self-hosted" // GitHub's own are of groups of other names
	}
}

func (p *payload) fillDeployment(b *Body) {
	if p.WorkflowRun != nil {
		b.Run = int64(p.WorkflowRun.ID)
	}
}

func (p *payload) fillAlert(b *Body) {
	b.State = string(p.Alert.Resolution)
	if p.Alert.Bypassed != nil && *p.Alert.Bypassed {
		b.Was = "bypassed"
	}
}

func (p *payload) fillToken(b *Body) {
	b.Whom, b.State = p.TokenRequest.Owner, p.TokenRequest.Rights.writing()
}

func (p *payload) fillRuleset(b *Body) {
	b.State, b.Changes, b.Object = p.Ruleset.holds(), p.Changes.keys(), int64(p.Ruleset.ID)
	was := p.Changes.lost()
	if from := p.Changes.text("enforcement"); from != "" {
		was = append(was, "enforcement "+from)
	}
	b.Was = strings.Join(was, "\n")
}

func (p *payload) fillProtection(b *Body) {
	b.State, b.Was, b.Changes = settings(p.Rule.all), settings(p.Changes.was()), p.Changes.keys()
	b.Object = int64(p.Rule.ID)
}

func (p *payload) fillAnalysis(b *Body) { b.Subject = p.Repository.Analysis.off(p.Changes["from"]) }

func (p *payload) fillKey(b *Body) {
	b.State = "write"
	if p.Key.ReadOnly != nil && *p.Key.ReadOnly {
		b.State = "read"
	}
	b.Whom.Login = string(p.Key.AddedBy)
}

func (p *payload) fillMember(b *Body) {
	switch {
	case p.Member != nil:
		b.Whom = Account{ID: int64(p.Member.ID), Login: p.Member.Login}
	case p.Membership != nil:
		b.Whom, b.State = p.Membership.User, string(p.Membership.Role)
	case p.User != nil:
		b.Whom = *p.User
	}
	if to := p.Changes.to("permission"); to != "" {
		b.State = to
	}
	if p.Invitation != nil {
		b.State = string(p.Invitation.Role)
	}
}

// fillOrganization has the login before where that was changed.
func (p *payload) fillOrganization(b *Body) {
	p.fillMember(b)
	if p.Account != nil {
		b.Organization = Account{ID: int64(p.Account.ID), Login: p.Account.Login}
	}
	b.Former = p.Changes.text("login")
}

func (p *payload) fillProperty(b *Body) {
	names := text.Each(p.Properties, func(one property) string { return string(one.Name) })
	if p.Definition != nil {
		names = append(names, string(p.Definition.Name))
	}
	b.Subject = strings.Join(names, ", ")
}

func (p *payload) fillExemption(b *Body) {
	if p.Exemption != nil {
		b.Whom = Account{ID: int64(p.Exemption.ID), Login: string(p.Exemption.Login)}
	}
	if p.Exempted != nil {
		b.State = string(p.Exempted.Status)
	}
}

func (p *payload) fillTeam(b *Body) {
	if p.Team != nil {
		b.Subject, b.State = p.Team.Name, string(p.Team.Permission)
	}
}

func (p *payload) fillRepository(b *Body) {
	b.Changes = p.Changes.keys()
	b.Subject = b.Changes
	owner, name, _ := strings.Cut(p.Repository.FullName, "/")
	switch was := p.Changes.text("repository", "name"); {
	case was != "":
		b.Former = owner + "/" + was
	case p.Changes["owner"] != nil:
		var from map[string]struct{ Login word }
		_ = json.Unmarshal(p.Changes.from("owner"), &from)
		b.Former = string(cmp.Or(from["organization"].Login, from["user"].Login)) + "/" + name
	}
}

func (p *payload) fillApp(b *Body) {
	if p.Installation != nil {
		b.Subject = string(p.Installation.AppSlug)
	}
}
