package settings_test

import (
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/hubtest"
)

func settingCases() []settingCase {
	return slicesOf(basics(), bases(), heads(), classicCases(), flows(), rightsCases(), secretCases(), hookCases())
}

func slicesOf(lists ...[]settingCase) []settingCase {
	var all []settingCase
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func basics() []settingCase {
	plan := func(s *setting) { s.options.Repos[0].NoRules, s.rulesets = true, nil }
	return []settingCase{
		{name: "all as it should be"},
		{name: "public", change: func(s *setting) { s.options.Repos[0].Public = true }},
		{name: "Enterprise Server", change: func(s *setting) { s.options.Enterprise = true }},
		{name: "nothing set", change: func(s *setting) {
			s.rulesets, s.hooks, s.files, s.options.Repos[0].DeleteMerged = nil, nil, nil, false
		}, want: []string{"check-missing error", "base-open error", "base-rewritable warning", "branch-open warning", "workflow-missing error",
			"branch-kept note", "hook-missing error"}},
		{name: "a plan without rules", change: plan, want: []string{"check-missing error; plan", "branch-open warning; plan"}},
		{name: "auto-merge armed and not allowed", change: func(s *setting) {
			s.options.Repos[0].NoAutoMerge = true
			s.files["merge.yml"] = strings.ReplaceAll(proposeWorkflow, "propose", "merge")
		}, want: []string{"auto-merge warning; merge.yml"}},
	}
}

func base(rules ...fakehub.Rule) func(*setting) {
	return func(s *setting) { s.rulesets[0].Rules = rules }
}

func baseBypass(list ...fakehub.Bypass) func(*setting) {
	return func(s *setting) { s.rulesets[0].Bypass = list }
}

func bases() []settingCase {
	pull, check, force := fakehub.RequirePull(), fakehub.RequireCheck("fluxkeeper", actionsApp), fakehub.Rule{Type: "non_fast_forward"}
	return []settingCase{
		{name: "check not required", change: base(pull, force), want: []string{"check-missing error; is not required"}},
		{name: "another check required", change: base(pull, force, fakehub.RequireCheck("lint", actionsApp)), want: []string{"check-missing"}},
		{name: "a check of any source", change: base(pull, force, fakehub.RequireCheck("fluxkeeper", 0)),
			want: []string{"check-source error; from anybody"}},
		{name: "a check of another app", change: base(pull, force, fakehub.RequireCheck("fluxkeeper", 99)),
			want: []string{"check-source error; app 99"}},
		{name: "required twice, once from anybody", change: func(s *setting) {
			s.rulesets = append(s.rulesets, fakehub.Ruleset{Name: "all", On: "acme", Rules: []fakehub.Rule{}, Branches: []string{"main"}})
			s.rulesets[2].Rules = []fakehub.Rule{fakehub.RequireCheck("fluxkeeper", 0)}
		}},
		{name: "a ruleset that is only tried out", change: func(s *setting) { s.rulesets[0].Evaluate = true },
			want: []string{"check-missing", "base-open", "base-rewritable"}},
		{name: "rules of the organization", change: func(s *setting) { s.rulesets[0].On = "acme" }},
		{name: "no pull request required", change: base(check, force), want: []string{"base-open error"}},
		{name: "force pushes to the base", change: base(pull, check), want: []string{"base-rewritable warning; force push"}},
		{name: "no strict checks", change: func(s *setting) {
			s.rulesets[0].Rules[1].Parameters["strict_required_status_checks_policy"] = false
		}, want: []string{"base-behind warning; for good"}},
		{name: "no strict checks, and judged anew", change: func(s *setting) {
			s.rulesets[0].Rules[1].Parameters["strict_required_status_checks_policy"] = false
			s.files["fluxkeeper.yml"] = strings.Replace(checkWorkflow, "permissions: {}", "  push: {branches: [main]}\npermissions: {}", 1)
		}, want: []string{"base-behind warning; until the run"}},
		{name: "signed commits on the base", change: base(pull, check, force, fakehub.Rule{Type: "required_signatures"}),
			want: []string{"signatures warning"}},
		{name: "signed commits, and Flux signs", change: func(s *setting) {
			base(pull, check, force, fakehub.Rule{Type: "required_signatures"})(s)
			s.intent.Signs = true
		}},
		{name: "the bot bypasses", change: baseBypass(fakehub.Bypass{Kind: "User", ID: hubtest.BotID}),
			want: []string{"bypass error; the bot may bypass"}},
		{name: "the bot bypasses in pull requests", change: baseBypass(fakehub.Bypass{Kind: "User", ID: hubtest.BotID, Mode: "pull_request"}),
			want: []string{"bypass"}},
		{name: "who writes bypasses", change: baseBypass(fakehub.Bypass{Kind: "RepositoryRole", ID: 4}), want: []string{"bypass"}},
		{name: "deploy keys bypass", change: baseBypass(fakehub.Bypass{Kind: "DeployKey"}), want: []string{"bypass error; deploy key"}},
		{name: "who writes need not sign", change: func(s *setting) {
			s.intent.Signs = true
			s.rulesets = append(s.rulesets, fakehub.Ruleset{Name: "signed", On: "acme", Rules: []fakehub.Rule{{Type: "required_signatures"}},
				Bypass: []fakehub.Bypass{{Kind: "RepositoryRole", ID: 4}}})
		}},
		{name: "a team bypasses", change: baseBypass(fakehub.Bypass{Kind: "Team", ID: 3}),
			gaps: []string{"base branch; whether the bot is in team 3"}},
		{name: "an unknown bot", change: func(s *setting) {
			baseBypass(fakehub.Bypass{Kind: "User", ID: 5})(s)
			s.intent.Bot.ID = 0
		}, gaps: []string{"base branch; does not name", "bot's branch; does not name"}},
		{name: "a merge queue without merge_group", change: base(pull, check, force, fakehub.RequireQueue()),
			want: []string{"merge-queue error"}},
		{name: "a merge queue with merge_group", change: func(s *setting) {
			base(pull, check, force, fakehub.RequireQueue())(s)
			s.files["fluxkeeper.yml"] = strings.Replace(checkWorkflow, "permissions: {}", "  merge_group:\npermissions: {}", 1)
		}},
		{name: "a base that is not the default branch", change: func(s *setting) {
			s.intent.Base = "prod"
			s.rulesets[0].Branches = []string{"prod"}
			s.rulesets[0].Rules = []fakehub.Rule{pull, check, force}
			s.files["fluxkeeper.yml"] = strings.Replace(checkWorkflow, "main", "prod", 1)
		}, want: []string{"check-unpublished error; for it"}, gaps: []string{"base branch; not there at the moment"}},
		{name: "a base of its own that requires the default branch's check", change: func(s *setting) {
			s.intent.Bases = []string{"main", "prod"}
			s.rulesets[0].Branches = []string{"main", "prod"}
		}, want: []string{"check-unpublished error; \"prod\" requires the check"}, gaps: []string{"other bases; not there at the moment"}},
		{name: "a base that no workflow is for", change: func(s *setting) {
			s.intent.Bases = []string{"main", "prod"}
			s.rulesets = append(s.rulesets, fakehub.Ruleset{ID: 9, Name: "prod", On: fleet, Branches: []string{"prod"},
				Rules: []fakehub.Rule{fakehub.RequireCheck("fluxkeeper (prod)", actionsApp)}})
		}, want: []string{"check-unpublished error; no workflow is started"}, gaps: []string{"other bases; not there at the moment"}},
		{name: "a base that the policy does not name", change: func(s *setting) {
			s.intent.Base, s.intent.Bases = "prod", []string{}
			s.rulesets[0].Branches = []string{"prod"}
			s.rulesets[0].Rules = []fakehub.Rule{pull, fakehub.RequireCheck("fluxkeeper (prod)", actionsApp), force}
			s.files["fluxkeeper.yml"] = strings.Replace(checkWorkflow, "main", "prod", 1)
		}, want: []string{"check-unpublished error; does not name"}, gaps: []string{"base branch; not there at the moment"}},
		{name: "a job of another workflow that is called like the check", change: func(s *setting) {
			s.files["ci.yml"] = "on: push\njobs: {test: {name: Fluxkeeper (prod), steps: []}, other: {name: 'flux${{ 1 }}', steps: []}}\n"
		}, want: []string{"job-name error; ci.yml"}, gaps: []string{"workflow; called like"}},
	}
}

func heads() []settingCase {
	rule := func(kind string) func(*setting) {
		return func(s *setting) {
			s.rulesets = append(s.rulesets, fakehub.Ruleset{Name: "all", On: "acme", Branches: []string{"flux-*"},
				Rules: []fakehub.Rule{{Type: kind}}})
		}
	}
	return []settingCase{
		{name: "everybody may push to the bot's branch", change: func(s *setting) { s.rulesets = s.rulesets[:1] },
			want: []string{"branch-open warning"}},
		{name: "nobody may push, not even the bot", change: func(s *setting) { s.rulesets[1].Bypass = nil },
			want: []string{"push-blocked error; GH013"}},
		{name: "the bot may only by pull request", change: func(s *setting) { s.rulesets[1].Bypass[0].Mode = "pull_request" },
			want: []string{"push-blocked"}},
		{name: "who writes may push", change: func(s *setting) { s.rulesets[1].Bypass = []fakehub.Bypass{{Kind: "RepositoryRole", ID: 4}} },
			want: []string{"branch-open"}},
		{name: "pull requests for all branches", change: func(s *setting) {
			s.rulesets = append(s.rulesets, fakehub.Ruleset{Name: "all", On: "acme", Branches: []string{"~ALL"},
				Rules: []fakehub.Rule{fakehub.RequirePull()}})
		}, want: []string{"push-blocked error; by pull request only"}},
		{name: "signed commits for the bot's branch", change: rule("required_signatures"), want: []string{"signatures error"}},
		{name: "no force pushes", change: rule("non_fast_forward"), want: []string{"force-push note"}},
		{name: "no deletion", change: rule("deletion"), want: []string{"branch-kept note; keeps branch"}},
		{name: "no new branches", change: rule("creation"), want: []string{"push-blocked error; create the branch"}},
		{name: "the branch is not there", change: func(s *setting) { s.headless = true },
			gaps: []string{"bot's branch; not there at the moment"}},
		{name: "a rule about messages", change: func(s *setting) {
			s.rulesets[1].Rules = append(s.rulesets[1].Rules,
				fakehub.Rule{Type: "commit_message_pattern", Parameters: map[string]any{"operator": "starts_with", "pattern": "x"}})
		}, gaps: []string{"bot's branch; commit_message_pattern"}},
	}
}

func classicCases() []settingCase {
	good := fakehub.Protection{Checks: map[string]int64{"fluxkeeper": actionsApp}, Strict: true, PullRequest: true}
	on := func(branch string, p fakehub.Protection) func(*setting) {
		return func(s *setting) {
			s.protect[branch] = p
			if branch == "main" {
				s.rulesets = s.rulesets[1:]
				s.files["fluxkeeper.yml"] = strings.Replace(checkWorkflow, "permissions: {}", "  merge_group:\npermissions: {}", 1)
			} else {
				s.rulesets = s.rulesets[:1]
			}
		}
	}
	change := func(do func(*fakehub.Protection)) func(*setting) {
		p := good
		do(&p)
		return on("main", p)
	}
	botOnly := fakehub.Protection{Restricted: true, Pushers: []string{hubtest.Bot}, ForcePushes: true, Deletions: true}
	return []settingCase{
		{name: "branch protection", change: on("main", good)},
		{name: "branch protection, a check of anybody",
			change: change(func(p *fakehub.Protection) { p.Checks = map[string]int64{"fluxkeeper": 0} }),
			want:   []string{"check-source error; anybody"}},
		{name: "branch protection without the check", change: change(func(p *fakehub.Protection) { p.Checks = nil }),
			want: []string{"check-missing"}},
		{name: "branch protection without pull requests", change: change(func(p *fakehub.Protection) { p.PullRequest = false }),
			want: []string{"base-open"}},
		{name: "branch protection that the bot bypasses", change: change(func(p *fakehub.Protection) { p.Bypassers = []string{hubtest.Bot} }),
			want: []string{"bypass error; without a pull request"}},
		{name: "branch protection with force pushes", change: change(func(p *fakehub.Protection) { p.ForcePushes = true }),
			want: []string{"base-rewritable"}},
		{name: "branch protection, perhaps a queue", change: func(s *setting) {
			on("main", good)(s)
			s.files["fluxkeeper.yml"] = checkWorkflow
		}, gaps: []string{"merge queue; does not tell"}},
		{name: "the bot's branch is the bot's", change: on(head, botOnly)},
		{name: "the bot's branch is another's", change: func(s *setting) {
			p := botOnly
			p.Pushers = []string{"ann"}
			on(head, p)(s)
		}, want: []string{"push-blocked error; GH006"}},
		{name: "the bot's branch is a team's", change: func(s *setting) {
			p := botOnly
			p.Pushers, p.Teams = nil, []string{"bots"}
			on(head, p)(s)
		}, gaps: []string{"bot's branch; team bots"}},
		{name: "the base's protection catches the bot's branch",
			change: on(head, fakehub.Protection{Checks: map[string]int64{"fluxkeeper": 0}, PullRequest: true, Signatures: true}), want: []string{
				"push-blocked error; passed checks", "push-blocked error; pull request", "signatures error", "force-push note", "branch-kept note",
				"branch-open",
			}},
	}
}

func flows() []settingCase {
	file := func(old, text string) func(*setting) {
		return func(s *setting) { s.files["fluxkeeper.yml"] = strings.Replace(checkWorkflow, old, text, 1) }
	}
	return []settingCase{
		{name: "no workflow", change: func(s *setting) { s.files = nil }, want: []string{"workflow-missing"}},
		{name: "on pull_request", change: file("pull_request_target", "pull_request"),
			want: []string{"workflow-trigger error; can change the workflow"}},
		{name: "for another base", change: file("[main]", "[prod]"), want: []string{"workflow-trigger; to branch \"main\""}},
		{name: "for some paths", change: file("branches: [main]", "paths: [apps/**]"), want: []string{"workflow-trigger; some paths"}},
		{name: "not when pushed to", change: file("types: [opened, synchronize, reopened, edited]", "types: [opened]"),
			want: []string{"workflow-trigger; synchronize"}},
		{name: "not when it gets another base", change: file("types: [opened, synchronize, reopened, edited]", "types: [opened, synchronize]"),
			want: []string{"workflow-trigger; edited"}},
		{name: "no checks: write", change: file(", checks: write", ""), want: []string{"workflow-permission"}},
		{name: "by its branch", change: file("27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d", "main"), want: []string{"action-unpinned warning"}},
		{name: "by its tag", change: file("27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d", "v1"), want: []string{"action-unpinned note"}},
		{name: "by its tag, commits demanded", change: func(s *setting) {
			file("27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d", "v1")(s)
			s.actions[fleet] = fakehub.ActionsSettings{Pinned: true}
		}, want: []string{"action-unpinned error"}},
		{name: "by its image", change: file("goldfish-inc/fluxkeeper@27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d",
			"docker://ghcr.io/goldfish-inc/fluxkeeper@sha256:"+strings.Repeat("a", 64))},
		{name: "a check of another name", change: file("v1.2.3\n", "v1\n        with: {check-name: gate}\n"),
			want: []string{"check-missing error; \"gate\""}},
		{name: "in a workflow that is called", change: func(s *setting) {
			s.files["fluxkeeper.yml"] = "on: [pull_request_target]\njobs: {flux: {uses: acme/ci/.github/workflows/flux.yml@main}}\n"
		}, gaps: []string{"workflow; acme/ci"}},
		{name: "a workflow that cannot be read", change: file("on:", "on: ["), gaps: []string{"workflow; yaml: line 1"}},
		{name: "another's broken workflow", change: func(s *setting) { s.files["other.yml"] = "a: [\n" }},
		{name: "Actions are off", change: func(s *setting) { s.actions[fleet] = fakehub.ActionsSettings{Disabled: true} },
			want: []string{"actions-off error; switched off"}},
		{name: "own actions only", change: func(s *setting) { s.actions[fleet] = fakehub.ActionsSettings{Allowed: "local_only"} },
			want: []string{"actions-off error; only actions"}},
		{name: "some actions only", change: func(s *setting) { s.actions[fleet] = fakehub.ActionsSettings{Allowed: "selected"} },
			gaps: []string{"GitHub Actions; are allowed"}},
		{name: "a token that writes", change: func(s *setting) { s.actions[fleet] = fakehub.ActionsSettings{WriteToken: true} },
			want: []string{"default-token"}},
		{name: "Actions may open without need", change: func(s *setting) { s.options.Repos[0].ActionsMayOpen = true },
			want: []string{"actions-approve note"}},
		{name: "Actions may not open, and must", change: func(s *setting) {
			s.files["propose.yml"] = proposeWorkflow
			s.actions["acme"] = fakehub.ActionsSettings{MayOpen: true}
		}, want: []string{"actions-open error; workflows may not"}},
		{name: "the organization forbids to open", change: func(s *setting) { s.files["propose.yml"] = proposeWorkflow },
			want: []string{"actions-open error; the organization"}},
		{name: "Actions must open, and may", change: func(s *setting) {
			s.files["propose.yml"] = proposeWorkflow
			s.options.Repos[0].ActionsMayOpen = true
		}},
		{name: "an app opens", change: func(s *setting) {
			s.files["propose.yml"] = strings.Replace(proposeWorkflow, "{command: propose}",
				"{command: propose, github-token: '${{ steps.app.outputs.token }}'}", 1)
		}},
	}
}

// rightsCases are tokens that may not read all: what they cannot see is never ok.
func rightsCases() []settingCase {
	fine := func(permissions map[string]string) func(*setting) {
		return func(s *setting) {
			s.grant = fakehub.Grant{Kind: fakehub.FineGrained, Account: "ann", Permissions: permissions}
		}
	}
	blind := []string{
		"bot's branch; Administration: write", "base branch; Administration: write", "GitHub Actions; the settings of GitHub Actions",
		"GitHub Actions; what GITHUB_TOKEN may do", "webhook; Webhooks: read", "webhook; organization",
	}
	return []settingCase{
		{name: "an administrator's fine-grained token",
			change: fine(map[string]string{"contents": "read", "administration": "write", "repository_hooks": "read"})},
		{name: "a token that reads administration",
			change: fine(map[string]string{"contents": "read", "administration": "read", "repository_hooks": "read"}), gaps: blind[:2]},
		{name: "the bot's own token", change: fine(map[string]string{"contents": "write", "pull_requests": "write"}), gaps: blind},
		{name: "the bot's own token, protected", change: func(s *setting) {
			fine(map[string]string{"contents": "write", "pull_requests": "write"})(s)
			s.rulesets = nil
			s.protect["main"] = fakehub.Protection{Checks: map[string]int64{"fluxkeeper": actionsApp}}
			s.protect[head] = fakehub.Protection{}
		}, gaps: append([]string{"bot's branch; Administration: read", "base branch; Administration: read", "merge queue"}, blind[2:]...)},
		{name: "a member's classic token", change: func(s *setting) { s.grant.Member = true },
			gaps: append([]string{"merging; administer"}, blind...)},
		{name: "a token without contents", change: fine(map[string]string{"administration": "write", "repository_hooks": "read"}), gaps: []string{
			"bot's branch; Contents: read", "base branch; Contents: read", "workflow; Contents: read",
		}},
		{name: "rules that cannot be read", change: func(s *setting) {
			s.faults = []fakehub.Fault{{On: "repos/get-branch-rules", Status: 500, Times: -1}}
		}, gaps: []string{"bot's branch; 500", "base branch; 500"}},
		{name: "a limit used up half-way", change: func(s *setting) {
			s.faults = []fakehub.Fault{fakehub.PrimaryLimit("actions/get-github-actions-permissions-repository", 403, noon.AddDate(1, 0, 0))}
		}, gaps: []string{"GitHub Actions; rate limit", "GitHub Actions; rate limit", "webhook; rate limit", "webhook; rate limit"}},
	}
}

// secretCases are places for the token that a job takes.
func secretCases() []settingCase {
	at := func(e fakehub.Environment) func(*setting) {
		return func(s *setting) {
			s.files["token.yml"], e.Name = tokenWorkflow, "flux-token"
			s.environments = []fakehub.Environment{e}
		}
	}
	also := func(on string) func(*setting) {
		return func(s *setting) {
			at(fakehub.Environment{Branches: []string{"main"}})(s)
			s.secrets = map[string]string{on: "FLUX_TOKEN"}
		}
	}
	without := func(from, to string) func(*setting) {
		return func(s *setting) { s.files["token.yml"] = strings.Replace(tokenWorkflow, from, to, 1) }
	}
	open := func(words string) []string { return []string{"secret-open warning; " + words} }
	return []settingCase{
		{name: "a secret of the repository", change: without("    environment: flux-token\n", ""), want: open("FLUX_TOKEN from no environment")},
		{name: "a secret of the whole workflow", change: func(s *setting) {
			s.files["token.yml"] = "env: {A: \"${{ secrets['app_key'] }}\"}\n" + strings.NewReplacer("    environment: flux-token\n", "",
				"${{ secrets.FLUX_TOKEN }}", "").Replace(tokenWorkflow)
		}, want: open("APP_KEY from no environment")},
		{name: "all secrets", change: without("    environment: flux-token\n", "    env: {A: '${{ toJSON(secrets) }}'}\n"),
			want: open("all secrets, FLUX_TOKEN from no")},
		{name: "the workflow's own token", change: func(s *setting) {
			s.files["token.yml"] = strings.NewReplacer("    environment: flux-token\n", "", "FLUX_TOKEN", "GITHUB_TOKEN").Replace(tokenWorkflow)
		}},
		{name: "an environment that is not there", change: without("", ""), want: open("is not there")},
		{name: "an environment for all", change: at(fakehub.Environment{}), want: open("every branch may use")},
		{name: "an environment for the base", change: at(fakehub.Environment{Branches: []string{"main"}})},
		{name: "an environment for the bot's branch, with an address", change: func(s *setting) {
			at(fakehub.Environment{Branches: []string{head}})(s)
			s.files["token.yml"] = strings.Replace(tokenWorkflow, "environment: flux-token", "environment: {name: flux-token, url: 'https://x'}", 1)
		}},
		{name: "an environment for a pattern", change: at(fakehub.Environment{Branches: []string{"main", "*"}}), want: open("branch * may use")},
		{name: "an environment for tags", change: at(fakehub.Environment{Branches: []string{"main"}, Tags: []string{"v*"}}),
			want: open("tags v*")},
		{name: "an environment for protected branches, of which there are none", change: at(fakehub.Environment{Protected: true}),
			want: open("rulesets do not count")},
		{name: "an environment for protected branches", change: func(s *setting) {
			at(fakehub.Environment{Protected: true})(s)
			s.protect["main"] = fakehub.Protection{PullRequest: true}
		}, gaps: []string{"merge queue"}},
		{name: "a secret in both places", change: also(fleet), want: open("repository or the organization")},
		{name: "a secret of the organization", change: also("acme"), want: open("repository or the organization")},
		{name: "an environment that is worked out", change: without("flux-token", "'${{ vars.PLACE }}'"),
			gaps: []string{"secrets; which environment"}},
		{name: "secrets that the token may not see", change: func(s *setting) {
			at(fakehub.Environment{Branches: []string{"main"}})(s)
			s.grant = fakehub.Grant{Kind: fakehub.FineGrained, Account: "ann",
				Permissions: map[string]string{"contents": "read", "administration": "write", "repository_hooks": "read"}}
		}, gaps: []string{"secrets; Actions: read", "secrets; Secrets: read", "secrets; Secrets: read"}},
	}
}

func hookCases() []settingCase {
	hook := func(do func(*fakehub.Hook)) func(*setting) { return func(s *setting) { do(&s.hooks[0]) } }
	return []settingCase{
		{name: "another's webhook", change: hook(func(h *fakehub.Hook) { h.URL = "https://chat.example.com/hook" }),
			want: []string{"hook-missing"}},
		{name: "the webhook is named", change: func(s *setting) {
			s.hooks[0].URL = "https://chat.example.com/hook"
			s.intent.Hook = "https://chat.example.com/hook/"
		}},
		{name: "switched off", change: hook(func(h *fakehub.Hook) { h.Inactive = true }), want: []string{"hook-inactive"},
			gaps: []string{"webhook; tells of none"}},
		{name: "push alone", change: hook(func(h *fakehub.Hook) { h.Events = []string{"push"} }),
			want: []string{"hook-events error; create, issue_comment, pull_request", "hook-events warning; meta"}},
		{name: "no guards", change: hook(func(h *fakehub.Hook) { h.Events = []string{"push", "create", "pull_request", "issue_comment"} }),
			want: []string{"hook-events warning; repository_ruleset"}},
		{name: "forms", change: hook(func(h *fakehub.Hook) { h.ContentType = "form" }), want: []string{"hook-content-type"}},
		{name: "no secret", change: hook(func(h *fakehub.Hook) { h.Secret = "" }), want: []string{"hook-secret"}},
		{name: "no verification", change: hook(func(h *fakehub.Hook) { h.InsecureTLS = true }), want: []string{"hook-tls"}},
		{name: "no TLS", change: hook(func(h *fakehub.Hook) { h.URL = "http://hooks.example.com/webhooks/github" }), want: []string{"hook-tls"}},
		{name: "the last delivery timed out", change: func(s *setting) { s.fate = fakehub.Fate{Lost: fakehub.TimedOut} },
			want: []string{"hook-delivery error; timed out"}},
		{name: "the organization's webhook", change: hook(func(h *fakehub.Hook) { h.On = "acme" })},
		{name: "the organization's webhook fails", change: func(s *setting) {
			s.hooks[0].On = "acme"
			s.fate = fakehub.Fate{Lost: fakehub.NoHost}
		}, want: []string{"hook-delivery error; failed to connect to host"}},
		{name: "nothing was sent yet", change: hook(func(h *fakehub.Hook) { h.Events, h.Created = []string{"*"}, noon.AddDate(0, 0, 1) }),
			gaps: []string{"webhook; tells of none"}},
	}
}
