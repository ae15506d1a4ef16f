package inputs

import "slices"

// The commands of the Action.
const (
	Check   = "check"
	Propose = "propose"
	Sweep   = "sweep"
	Merge   = "merge"
	Token   = "token"
	Scan    = "scan"
)

// Inputs are the Action's inputs, in the order in which people read them.
func Inputs() []Input {
	return slices.Concat(common(), life(), credential())
}

// common inputs say what is judged and where the answer goes.
func common() []Input {
	return []Input{
		{
			Name: "command", Kind: Choice, Values: []string{Check, Propose, Sweep, Merge, Token, Scan}, Default: Check,
			Doc: "What to do. `check` judges a change and publishes the verdict; `propose` opens or refreshes the pull " +
				"request of Flux's branch; `sweep` closes those that are stale; `merge` merges one that passes; `token` checks the token that Flux " +
				"pushes with; " +
				"`scan` looks for tokens in what a pull request changes, or in all files of the commit.",
		},
		{
			Name: "github-token", Kind: Hidden, Default: "${{ github.token }}",
			Doc: "The token for GitHub's API. The workflow's own will do for `check`. A pull request that it opens starts " +
				"its checks only after a person approves them, so give `propose` the token of an App or of the bot.",
		},
		{
			Name: "policy", Kind: Text, Default: ".github/fluxkeeper.yaml",
			Doc: "Path of the policy file. It is always read from the base, never from the change.",
		},
		{
			Name: "head-branch", Kind: Text, Default: "flux-image-updates",
			Doc: "The branch that Flux pushes to, for events that do not name a pull request: `push` to the base, " +
				"`workflow_dispatch`, `schedule`.",
		},
		{
			Name: "base-branch", Kind: Text,
			Doc: "The branch that updates go to, for events that do not name a pull request. Empty means the " +
				"repository's default branch.",
		},
		{
			Name: "publish", Kind: Choice, Values: []string{"auto", "check", "status", "none"}, Default: "auto", Commands: []string{Check, Scan},
			Doc: "How the verdict is published on the commit: `check` as a check run, which takes `checks: write` and a " +
				"token of the workflow or of an App; `status` as a commit status, which takes `statuses: write`; `auto` as a " +
				"check run, or else as a status; `none` not at all.",
		},
		{
			Name: "check-name", Kind: Text, Default: "fluxkeeper", Commands: []string{Check, Scan},
			Doc: "The name of the check run, and the context of the commit status, for the default branch; for any other base that the " +
				"policy there names, the base follows in brackets, as in `fluxkeeper (release)`. `scan` adds `/scan` to it for a change and " +
				"`/scan-tree` for a commit, so that it never speaks for `check`.",
		},
		{
			Name: "summary", Kind: Flag, Default: "true", Commands: []string{Check, Token, Scan},
			Doc: "Write the report to the job's summary.",
		},
		{
			Name: "annotations", Kind: Flag, Default: "true", Commands: []string{Check, Scan},
			Doc: "Show the findings as annotations in the workflow's run, gravest first.",
		},
		{
			Name: "comment", Kind: Flag, Default: "false", Commands: []string{Check},
			Doc: "Keep one comment with the report on the pull request. It is edited, never repeated. Takes `pull-requests: write`.",
		},
		{
			Name: "labels", Kind: Flag, Default: "false", Commands: []string{Check},
			Doc: "Keep labels with the verdict and the gravest step on the pull request, such as `fluxkeeper: pass`. Takes `pull-requests: write`.",
		},
		{
			Name: "sarif-file", Kind: Text, Commands: []string{Check},
			Doc: "Write the findings as SARIF to this file in the workspace. Empty writes none.",
		},
	}
}

// life are the inputs of the commands that change pull requests.
func life() []Input {
	return []Input{
		{
			Name: "title", Kind: Text, Commands: []string{Propose},
			Doc: "A Go template for the pull request's title. Empty means the usual one.",
		},
		{
			Name: "body", Kind: Text, Commands: []string{Propose},
			Doc: "A Go template for the pull request's body. Empty means the usual one. `check` holds the updates that a body lists against " +
				"those of the change.",
		},
		{
			Name: "stale-after-days", Kind: Count, Default: "30", Commands: []string{Sweep},
			Doc: "Close pull requests to which nothing was pushed for more days than this; 0 closes none for its age.",
		},
		{
			Name: "merge-when", Kind: Choice, Values: []string{"auto", "now", "never"}, Default: "auto", Commands: []string{Merge},
			Doc: "When a pull request that passes is merged: `auto` arms GitHub's auto-merge, which waits until the base's rules " +
				"are met; `now` merges at once; `never` leaves it to people, which makes sense with `approve`.",
		},
		{
			Name: "merge-method", Kind: Choice, Values: []string{"squash", "merge", "rebase"}, Default: "squash", Commands: []string{Merge},
			Doc: "How the pull request is merged.",
		},
		{
			Name: "approve", Kind: Flag, Default: "false", Commands: []string{Merge},
			Doc: "Approve the pull request first. The approval holds for the commit that was judged, and is taken back when the head moves.",
		},
		{
			Name: "delete-branch", Kind: Flag, Default: "false", Commands: []string{Sweep, Merge},
			Doc: "Delete the branch afterwards, if its head still is the commit that was judged. Flux makes a new one.",
		},
		{
			Name: "delete-stale-branch", Kind: Flag, Default: "false", Commands: []string{Propose, Sweep},
			Doc: "Delete Flux's branch where `scope/stale` was found and every commit on it is the bots', if its head still is the commit that " +
				"was judged. GitHub closes its pull request, Flux pushes afresh from the base, and `propose` opens a new one. Takes " +
				"`contents: write`.",
		},
		{
			Name: "dry-run", Kind: Flag, Default: "false",
			Doc: "Say what would be done, and change nothing on GitHub.",
		},
	}
}

// credential are the inputs of the command that checks a token.
func credential() []Input {
	return []Input{
		{
			Name: "token", Kind: Hidden, Commands: []string{Token},
			Doc: "The token to check: the one that Flux pushes with, as a secret. It is asked about, never used to change anything.",
		},
		{
			Name: "token-repositories", Kind: Text, Commands: []string{Token},
			Doc: "The repositories that the token is for, as `owner/name`, parted by blanks or commas. Empty means this one.",
		},
		{
			Name: "token-workflows", Kind: Flag, Default: "false", Commands: []string{Token},
			Doc: "Flux changes files under `.github/workflows`, too, which takes the permission Workflows.",
		},
		{
			Name: "token-account", Kind: Text, Commands: []string{Token},
			Doc: "The login of the machine user that the token should belong to. Empty means that signs of a person's account are looked for.",
		},
		{
			Name: "token-name", Kind: Text, Default: "flux-{project}-automation", Commands: []string{Token},
			Doc: "What the token should be called; `{project}` stands for the repository's name. The issue names it.",
		},
		{
			Name: "token-max-days", Kind: Count, Default: "90", Commands: []string{Token},
			Doc: "The longest life that the token may have ahead of it, in days; 0 is any.",
		},
		{
			Name: "issue", Kind: Flag, Default: "true", Commands: []string{Token},
			Doc: "Keep one issue open as long as the token needs attention, and close it afterwards. Takes `issues: write`.",
		},
	}
}

// Outputs are the Action's outputs.
func Outputs() []Output {
	return []Output{
		{"verdict", "`pass`, `fail`, `not-applicable` or `undecided`."},
		{"updates", "The image updates as a JSON array of objects with `image`, `from`, `to`, `step`, `policy`, `file` and `line`."},
		{"step", "The gravest step among the updates, such as `patch`, `minor` or `major`; empty where there is none."},
		{"evidence", "The proof that was found of who made the change: `none`, `text`, `account`, `signature`, `key` or `pusher`."},
		{"reproduction", "How the change compares with running Flux's update again: `reproduced`, `equivalent`, `residue` or `none`."},
		{"token-expires", "When the token that `token` checked expires, as `2027-01-19T12:00:00Z`; empty where that is not known."},
		{"head-sha", "The commit that was judged, or looked through by `scan`."},
		{"report", "The whole report as JSON. Like `updates`, it is left out where it would not fit into the 1 MB that GitHub keeps."},
	}
}
