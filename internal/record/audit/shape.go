package audit

// shapes are the events that are known by their body, the more special first.
// X-GitHub-Event is not signed, so the header alone does not say what a body is.
var shapes = [...]string{
	"push", "create", "delete", "status", "meta", "ping",
	"pull_request_review", "pull_request_review_comment", "pull_request", "issue_comment",
	"check_run", "check_suite", "workflow_job", "workflow_run", "deployment_status", "deployment",
	"secret_scanning_alert", "personal_access_token_request", "repository_ruleset", "branch_protection_rule",
	"deploy_key", "member", "release", "fork", "label",
}

// distinct are the shapes that no other event has, so that a body of theirs under
// any other header is a contradiction, also under one that is not known here.
var distinct = [...]string{"push", "create", "delete", "status", "meta"}

// event tells what the body is. The header's word holds where the body has its
// shape, or where no shape is known for it and the body has no distinct one.
func (p *payload) event(header string) string {
	if fits, known := p.is(header); fits {
		return header
	} else if !known {
		for _, name := range distinct {
			if fits, _ := p.is(name); fits {
				return name
			}
		}
		return header
	}
	for _, name := range shapes {
		if fits, _ := p.is(name); fits {
			return name
		}
	}
	return ""
}

// is tells whether the payload has the shape of an event, and whether the
// shape is known at all. The keys are those that GitHub's schemas require.
func (p *payload) is(event string) (fits, known bool) {
	switch event {
	case "push":
		return p.Before != "" && p.After != "" && p.Pusher != nil && p.Ref != "", true
	case "create":
		return p.RefType != "" && p.Ref != "" && p.MasterBranch != "", true
	case "delete":
		return p.RefType != "" && p.Ref != "" && p.MasterBranch == "" && p.PusherType != "", true
	case "status":
		return p.SHA != "" && p.State != "" && p.Context != "", true
	case "ping":
		return p.Zen != "" || p.Hook != nil && p.Action == "", true
	case "meta":
		return p.Hook != nil && p.HookID != 0 && p.Action == "deleted", true
	case "issue_comment":
		return p.Comment != nil && p.Issue != nil, true
	case "label":
		return p.Label != nil && p.PullRequest == nil && p.Issue == nil, true
	}
	if event == "pull_request" || event == "pull_request_review" || event == "pull_request_review_comment" {
		return p.isPull(event), true
	}
	if event == "deployment" && p.DeploymentStatus != nil || event == "check_suite" && p.CheckRun != nil {
		return false, true
	}
	at := p.slot(event)
	return at != nil && *at != nil, at != nil
}

func (p *payload) isPull(event string) bool {
	switch {
	case p.PullRequest == nil:
		return false
	case event == "pull_request_review":
		return p.Review != nil
	case event == "pull_request_review_comment":
		return p.Comment != nil
	}
	return p.Number != 0 && p.Review == nil && p.Comment == nil
}

// slot is where the object of an event stands; nil for events without one.
func (p *payload) slot(event string) **object {
	switch event {
	case "pull_request_review":
		return &p.Review
	case "pull_request_review_comment", "issue_comment":
		return &p.Comment
	case "check_run":
		return &p.CheckRun
	case "check_suite":
		return &p.CheckSuite
	case "workflow_run":
		return &p.WorkflowRun
	case "workflow_job":
		return &p.WorkflowJob
	case "deployment":
		return &p.Deployment
	case "deployment_status":
		return &p.DeploymentStatus
	case "label":
		return &p.Label
	case "member":
		return &p.Member
	case "release":
		return &p.Release
	case "fork":
		return &p.Forkee
	case "deploy_key":
		return &p.Key
	case "branch_protection_rule":
		return &p.Rule
	case "repository_ruleset":
		return &p.Ruleset
	case "secret_scanning_alert", "secret_scanning_alert_location":
		return &p.Alert
	case "personal_access_token_request":
		return &p.TokenRequest
	}
	return nil
}

func (p *payload) object(event string) *object {
	if at := p.slot(event); at != nil {
		return *at
	}
	return nil
}
