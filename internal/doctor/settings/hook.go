package settings

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// use is a step that uses the Action, and the workflow that it stands in.
type use struct {
	Step
	path     string
	triggers []Trigger
}

func (u use) command() string { return cmp.Or(u.With["command"], "check") }

// ownToken tells whether the step uses the workflow's own token.
func (u use) ownToken() bool {
	t := strings.Join(strings.Fields(u.With["github-token"]), "")
	return t == "" || strings.EqualFold(t, "${{github.token}}") || strings.EqualFold(t, "${{secrets.GITHUB_TOKEN}}")
}

func (u use) on(event string) *Trigger {
	if i := slices.IndexFunc(u.triggers, func(t Trigger) bool { return t.Event == event }); i >= 0 {
		return &u.triggers[i]
	}
	return nil
}

// ref is what the Action is pinned to: a commit, a tag, a branch or a digest.
func (u use) ref() string {
	i := strings.LastIndexByte(u.Uses, '@')
	if i < 0 {
		return ""
	}
	return u.Uses[i+1:]
}

var (
	commitID = regexp.MustCompile(`^[0-9a-f]{40}$|^sha256:[0-9a-f]{64}$`)
	version  = regexp.MustCompile(`^v\d+(\.\d+){0,2}$`)
)

// choose finds the steps that use the Action.
func (x *examiner) choose() {
	for _, w := range x.Workflows {
		for _, s := range w.Steps {
			if s.runsAction() {
				x.ours = append(x.ours, use{s, w.Path, w.Triggers})
			}
		}
	}
}

// runsAction tells whether the step uses the Action, by its name or its image.
func (s Step) runsAction() bool {
	of, _, _ := strings.Cut(strings.ToLower(s.Uses), "@")
	if image, ok := strings.CutPrefix(of, "docker://"); ok {
		_, of, _ = strings.Cut(image, "/") // without the registry
	}
	return of == strings.ToLower(Action)
}

// checkName is what the Action is told to call its check; not sure where an
// expression works it out.
func (x *examiner) checkName() (name string, sure bool) {
	for _, u := range x.ours {
		switch given := u.With["check-name"]; {
		case u.command() != "check" || given == "":
		case strings.Contains(given, "${{"):
			return usualCheck, false
		default:
			return given, true
		}
	}
	return usualCheck, true
}

// workflows looks for a workflow that judges pull requests, and cannot be
// changed by them.
func (x *examiner) workflows() {
	x.jobs()
	var sound, checks []use
	for _, u := range x.ours {
		x.pinned(u)
		if u.command() != "check" {
			continue
		}
		checks = append(checks, u)
		if x.misfired(u) == "" && x.lacks(u) == "" {
			sound = append(sound, u)
		}
	}
	calls := x.calls()
	switch {
	case len(sound) > 0:
		x.Evidence("%s runs %s on pull_request_target", sound[0].path, sound[0].Uses)
	case len(checks) > 0:
		for _, u := range checks {
			if problem := x.misfired(u); problem != "" {
				x.Report("github/workflow-trigger",
					fmt.Sprintf("start it on pull_request_target with branches: [%s], without paths, and with the types opened, synchronize, reopened "+
						"and edited (examples/check.yml)", x.Base.Name),
					"%s %s", u.path, problem)
			}
			if lacks := x.lacks(u); lacks != "" {
				x.Report("github/workflow-permission", "give the job permissions: contents: read, pull-requests: read, checks: write",
					"the job in %s that runs %s has no %s", u.path, u.Uses, lacks)
			}
		}
	case x.Lacks(CheckWorkflow):
	case len(calls) > 0:
		x.Gap("whether one of the workflows that are called runs %s: %s", Action, strings.Join(calls, ", "))
	default:
		x.Report("github/workflow-missing", "add .github/workflows/fluxkeeper.yml to the default branch, as examples/check.yml has it",
			"no workflow on branch %q runs %s, so that nothing judges pull requests", x.DefaultBranch, Action)
	}
}

// jobs reports jobs that are called like the check: GitHub makes a check run of each
// job's name, and one that is skipped counts as green.
func (x *examiner) jobs() {
	check, _ := x.checkName()
	for _, w := range x.Workflows {
		for _, job := range w.Jobs {
			switch known, _, works := strings.Cut(job, "${{"); {
			case called(job, check):
				x.Report("github/job-name", "give the job another name",
					"a job in %s is called %q, like the gate's check: where it is skipped, GitHub takes it for a success", w.Path, job)
			case works && known != "" && strings.HasPrefix(check, known):
				x.Gap("whether the job %q in %s is called like the check %q", job, w.Path, check)
			}
		}
	}
}

func (x *examiner) calls() []string {
	var all []string
	for _, w := range x.Workflows {
		all = append(all, w.Calls...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// misfired says in what way a workflow is not started as it should be.
func (x *examiner) misfired(u use) string {
	t := u.on("pull_request_target")
	switch {
	case t == nil && u.on("pull_request") != nil:
		return "is started by pull_request: the pull request itself can change the workflow that judges it"
	case t == nil:
		return "is not started by pull requests"
	case !t.starts(x.Base.Name):
		return fmt.Sprintf("is not started by pull requests to branch %q", x.Base.Name)
	case len(t.Paths)+len(t.PathsIgnore) > 0:
		return "is started for some paths only: for others the required check waits for ever"
	case len(t.Types) > 0 && !(slices.Contains(t.Types, "opened") && slices.Contains(t.Types, "synchronize")):
		return "is not started when a pull request is opened or pushed to: its types lack opened or synchronize"
	case !slices.Contains(t.Types, "edited"):
		return "is not started when a pull request gets another base: its types lack edited, and the verdict about the old base stays"
	}
	return ""
}

// lacks says which permission a check's step has not; what another token may do
// is not known here.
func (x *examiner) lacks(u use) string {
	if !u.ownToken() || !u.Declared && x.Actions.Token == "" {
		return ""
	}
	may := func(name, level string) bool { return u.may(name, level, x.Actions.Token) }
	publish := cmp.Or(u.With["publish"], "auto")
	switch {
	case publish == "check" && !may("checks", "write"), publish == "auto" && !may("checks", "write") && !may("statuses", "write"):
		return "checks: write, without which no verdict is published"
	case publish == "status" && !may("statuses", "write"):
		return "statuses: write, without which no verdict is published"
	case x.Private && !may("contents", "read"):
		return "contents: read, which a private repository asks for"
	case x.Private && !may("pull-requests", "read"):
		return "pull-requests: read, which a private repository asks for"
	}
	return ""
}

// pinned reports an Action that can change by itself.
func (x *examiner) pinned(u use) {
	fix := "name the commit of the release: uses: " + Action + "@<40 hex digits> # v1.2.3"
	switch ref := u.ref(); {
	case commitID.MatchString(ref):
	case x.Actions.Pinned:
		x.Add("github/action-unpinned", "error", fix, "%s uses %s, and the repository runs only actions that are named by commit", u.path, u.Uses)
	case version.MatchString(ref):
		x.Add("github/action-unpinned", "note", fix, "%s uses %s, a tag that can be moved", u.path, u.Uses)
	default:
		x.Report("github/action-unpinned", fix, "%s uses %s, which changes with every push there", u.path, u.Uses)
	}
}

// hooks looks at the webhook that the record lives on.
func (x *examiner) hooks() {
	ours := slices.DeleteFunc(slices.Clone(x.Hooks), func(h Webhook) bool { return !x.intent.LeadsHere(h.URL) })
	if len(ours) == 0 && !x.Lacks(CheckHook) {
		x.Report("github/hook-missing", "add one under Settings, Webhooks: the receiver's address with "+audit.DeliveryPath+
			", application/json, a secret",
			"no webhook points to the receiver, so that nothing is recorded")
	}
	for _, h := range ours {
		x.hook(h, fmt.Sprintf("webhook %d of %s %s", h.ID, h.Scope, h.Owner))
	}
}

// LeadsHere tells whether a webhook's address is the receiver's.
func (i Intent) LeadsHere(address string) bool {
	if i.Hook != "" {
		return strings.TrimSuffix(address, "/") == strings.TrimSuffix(i.Hook, "/")
	}
	u, err := url.Parse(address)
	return err == nil && strings.HasSuffix(u.Path, audit.DeliveryPath)
}

func (x *examiner) hook(h Webhook, of string) {
	if !h.Active {
		x.Report("github/hook-inactive", "tick Active on the webhook's page", "%s is switched off", of)
	}
	if h.ContentType != "json" {
		x.Report("github/hook-content-type", "choose application/json on the webhook's page", "%s sends %s, which the receiver refuses", of,
			h.ContentType)
	}
	if !h.Secret {
		x.Report("github/hook-secret",
			"set one on the webhook's page, the same as in the receiver's --webhook-secret-file: `openssl rand -hex 32`",
			"%s has no secret, so that its deliveries cannot be told from forged ones", of)
	}
	if h.InsecureTLS || !strings.HasPrefix(h.URL, "https://") {
		x.Report("github/hook-tls", "give the receiver a certificate that GitHub trusts, write its address with https://, and enable SSL "+
			"verification",
			"%s does not verify whom it sends to: somebody on the way can take its deliveries", of)
	}
	x.events(h, of)
	switch last := h.Last; {
	case last == nil:
		x.Gap("whether deliveries of %s arrive: GitHub tells of none", of)
	case last.Code >= 200 && last.Code < 300:
		x.Evidence("the last delivery of %s was taken (%d)", of, last.Code)
	default:
		x.Report("github/hook-delivery",
			"see Settings, Webhooks, Recent Deliveries, fix the receiver, and fetch what is missing: `fluxkeeper-receiver reconcile --repo "+
				x.Repository+"`",
			"the last delivery of %s failed: %s", of, outcome(*last))
	}
}

func outcome(d Delivery) string {
	if d.Code != 0 {
		return fmt.Sprintf("%d %q", d.Code, d.Status)
	}
	return fmt.Sprintf("%q", d.Status)
}

// events holds what a webhook is told of against what the record needs: the
// uses of the bot's account are errors, what guards the guards is a warning.
func (x *examiner) events(h Webhook, of string) {
	if slices.Contains(h.Events, "*") {
		x.Evidence("%s is told of all events", of)
		return
	}
	missing := func(needed []string) []string {
		var all []string
		for _, event := range needed {
			name, _, _ := strings.Cut(event, ":")
			name, _, _ = strings.Cut(name, ".")
			if !slices.Contains(h.Events, name) {
				all = append(all, name)
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	fix := "choose them on the webhook's page under Let me select individual events, or Send me everything"
	if blind := missing(x.intent.Uses); len(blind) > 0 {
		x.Report("github/hook-events", fix, "%s is not told of what the bot may do: %s", of, strings.Join(blind, ", "))
	}
	if blind := missing(audit.Guards()); len(blind) > 0 {
		x.Add("github/hook-events", "warning", fix, "%s is not told when somebody loosens the repository's protection or reports on commits: %s",
			of, strings.Join(blind, ", "))
	}
}
