package flux

import (
	"slices"
	"strings"
	"sync"
)

// sign is how a cause shows itself.
type sign struct {
	stage Stage // only there; empty: anywhere
	// texts are alternatives; an ellipsis stands for any text.
	texts []string
	cause Cause
}

// signs are tried in order: what GitHub says about a push before what a git
// library makes of it, and the particular before the general. Their texts are in
// lower case.
var signs = sync.OnceValue(func() []sign {
	all := slices.Concat(secretSigns(), proposeSigns(), pushSigns(), scanSigns(), tokenSigns(), configurationSigns(), networkSigns(),
		lastSigns())
	for _, s := range all {
		for i, text := range s.texts {
			s.texts[i] = strings.ToLower(text)
		}
	}
	return all
})

// The runbook's headings.
const (
	issueToken   = "Authentication failed"
	issuePropose = "Cannot create PR"
	issuePush    = "Cannot push to branch"
)

// The fixes that several causes share, in the runbook's words where it has them.
const (
	fixNewToken = "create a new token (https://github.com/settings/tokens/new), add it to Pulumi ESC, run `pulumi up --yes`, and verify " +
		"with `fluxkeeper token check`; Flux uses the new one at its next run"
	fixSecret = "deploy the Secret to the namespace of the GitRepository (`pulumi up --yes`) with the keys `username` and `password`, and " +
		"verify it with `kubectl get secret github-token -n flux-system`, without -o yaml, which prints the token"
	fixContents = "give the token the repository permission Contents: write (classic: scope repo), and its owner the right to write to the " +
		"repository"
	fixBypass = "let Flux push to a branch of its own (spec.git.push.branch: flux-image-updates) and open a pull request from it, rather " +
		"than to a protected one"
)

// secretSigns tell that Flux could not make credentials of its Secret.
func secretSigns() []sign {
	rule := "cluster/authentication-failed"
	return []sign{
		{texts: []string{"failed to get auth secret…not found", "failed to get secret '…not found", `secrets "…" not found`}, cause: Cause{
			Name: "secret-missing", Rule: rule, Stage: Setup, Issue: issueToken,
			Problem: "the Secret that the GitRepository names was not created in the cluster", Fix: fixSecret}},
		{texts: []string{"secrets \"…is forbidden", "cannot get resource \"secrets\""}, cause: Cause{
			Name: "secret-forbidden", Rule: rule, Stage: Setup, Issue: issueToken,
			Problem: "the controller may not read the Secret",
			Fix:     "restore Flux's own roles: run `flux install` or reconcile the flux-system Kustomization"}},
		{texts: []string{"'password' requires 'username' to be set", "'username' requires 'password' to be set", "invalid 'https' auth option",
			"basic auth and bearer token cannot be set at the same time", "invalid 'ssh' auth option"}, cause: Cause{
			Name: "secret-keys", Rule: rule, Stage: Setup, Issue: issueToken,
			Problem: "the Secret has the wrong keys for how Flux authenticates",
			Fix:     "give the Secret the keys `username` (any, such as git) and `password` (the token), and no `bearerToken`"}},
		{texts: []string{"failed to find organization installation", "could not parse private key", "githubAppInstallation",
			"could not create JWT", "could not refresh installation", "error getting installation token"}, cause: Cause{
			Name: "app-credentials", Rule: rule, Stage: Setup, Issue: issueToken,
			Problem: "the GitHub App's id, installation or private key in the Secret is not right",
			Fix: "set githubAppID, githubAppPrivateKey and exactly one of githubAppInstallationOwner and githubAppInstallationID, and see " +
				"that the App is installed on the repository"}},
		{texts: []string{"knownhosts: key is unknown", "knownhosts: key mismatch", "host key verification failed",
			"no hostkey callback available"}, cause: Cause{
			Name: "host-key", Rule: rule, Issue: issueToken,
			Problem: "the git host's SSH key is not among the Secret's known_hosts",
			Fix: "put the host's current keys (https://api.github.com/meta, ssh_keys) under known_hosts; if they changed without notice, " +
				"find out why first"}},
		{texts: []string{"ssh: unable to authenticate", "permission denied (publickey)", "ssh: handshake failed"}, cause: Cause{
			Name: "ssh-key", Rule: rule, Issue: issueToken,
			Problem: "the git host does not know the SSH key; deleting a token also deletes the deploy keys that were made with it",
			Fix:     "add the public key as a deploy key with write access, or let Flux use HTTPS with the token"}},
	}
}

// tokenSigns tell that the git host refused who asked.
func tokenSigns() []sign {
	rule := "cluster/authentication-failed"
	return []sign{
		{texts: []string{"saml enforcement", "saml sso", "enabled or enforced saml", "x-github-sso"}, cause: Cause{
			Name: "sso", Rule: rule, Issue: issueToken,
			Problem: "the organization enforces single sign-on and the token is not authorized for it",
			Fix: "open https://github.com/settings/tokens as the token's owner, choose Configure SSO beside the token, and authorize the " +
				"organization"}},
		{texts: []string{"forbids access via a personal access token (classic)", "forbids access via a fine-grained personal access token",
			"ip allow list enabled"}, cause: Cause{
			Name: "organization-policy", Rule: rule, Issue: issueToken,
			Problem: "a policy of the organization forbids this kind of token, its lifetime, or the address that it is used from",
			Fix:     "create a fine-grained token within the organization's limits, or have its owner allow the cluster's address"}},
		{texts: []string{"could not read username", "no anonymous write access", "terminal prompts disabled", "no credentials provided"},
			cause: Cause{
				Name: "anonymous", Rule: rule, Issue: issueToken,
				Problem: "no credentials were sent at all: the GitRepository names no Secret, or the Secret holds only the key `token`, which Flux " +
					"does not use",
				Fix: "give the Secret the keys `username` and `password`, and name it under the GitRepository's spec.secretRef"}},
		{texts: []string{"authentication required", "bad credentials", "invalid username or token", "invalid username or password",
			"authentication failed for 'http", "support for password authentication was removed", "invalid credentials", "status code: 401"},
			cause: Cause{
				Name: "token-rejected", Rule: rule, Issue: issueToken,
				Problem: "the git host does not accept the token: token expired or revoked, or another value (a trailing newline is sent too) or " +
					"nothing was sent (a Secret with only the key `token`)",
				Fix: fixNewToken}},
		{stage: Propose, texts: []string{"resource not accessible by personal access token", "must have admin rights"},
			cause: permissionToPropose()},
		{texts: []string{"resource not accessible by personal access token"}, cause: Cause{
			Name: "permission-missing", Rule: "cluster/push-refused", Issue: issuePush,
			Problem: "the token lacks a permission for what was asked: wrong permissions", Fix: fixContents}},
		{stage: Fetch, texts: []string{"authorization failed", "http basic: access denied", "status code: 403", "error: 403"}, cause: Cause{
			Name: "read-denied", Rule: rule, Stage: Fetch, Issue: issueToken,
			Problem: "the token was accepted, but its use was then refused: wrong permissions, single sign-on, or a policy of the organization",
			Fix:     "see that the token may read the repository, is authorized for single sign-on, and is of a kind that the organization allows"}},
		{texts: []string{"repository not found", "could not resolve to a repository", "repository '…' not found", "status code: 404"},
			cause: Cause{
				Name: "repository-not-found", Rule: "cluster/repository-not-found", Issue: issuePropose,
				Problem: "the git host shows no such repository to the token: token for wrong repository, wrong resource owner, approval by the " +
					"organization pending, or a mistyped URL",
				Fix: "compare the GitRepository's spec.url with the token's repository access, and with what the organization has approved"}},
	}
}

// proposeSigns tell that no pull request could be opened. Flux never opens one:
// these are of the workflow or program that does.
func proposeSigns() []sign {
	rule := "cluster/pull-request-refused"
	return []sign{
		{texts: []string{"github actions is not permitted to create or approve pull requests", "github actions is not permitted to create",
			"github actions is not permitted to approve"}, cause: Cause{
			Name: "actions-may-not-propose", Rule: rule, Stage: Propose, Issue: issuePropose,
			Problem: "GitHub Actions may not create pull requests in this repository",
			Fix: "set Settings > Actions > General > Workflow permissions > Allow GitHub Actions to create and approve pull requests, for " +
				"the organization as well, or give the workflow a token of its own"}},
		{texts: []string{"a pull request already exists for"}, cause: Cause{
			Name: "already-proposed", Rule: rule, Stage: Propose,
			Problem: "there is already an open pull request for the branch, which new commits join by themselves",
			Fix:     "look for the open pull request before creating one, and edit that"}},
		{texts: []string{`"head"…"invalid"`, "head sha can't be blank", "head ref must be a branch", "head…code: invalid"}, cause: Cause{
			Name: "head-missing", Rule: rule, Stage: Propose, Issue: issuePropose,
			Problem: "the branch to propose does not exist on GitHub",
			Fix:     "see whether Flux's push succeeded, and write head as the branch's name alone"}},
		{texts: []string{"no commits between", "is the same as base branch", "must be on a branch named differently than"}, cause: Cause{
			Name: "nothing-to-propose", Rule: rule, Stage: Propose, Issue: issuePropose,
			Problem: "head and base are the same branch or hold the same commits: Flux pushed to the base itself, or nothing",
			Fix:     "set spec.git.push.branch of the ImageUpdateAutomation to a branch of its own, such as flux-image-updates"}},
		{texts: []string{"resource not accessible by integration"}, cause: permissionToPropose()},
		{texts: []string{"can not approve your own pull request"}, cause: Cause{
			Name: "own-approval", Rule: rule, Stage: Propose,
			Problem: "who opened the pull request may not approve it",
			Fix:     "approve with another account than the one that opens"}},
	}
}

func permissionToPropose() Cause {
	return Cause{
		Name: "permission-to-propose", Rule: "cluster/pull-request-refused", Stage: Propose, Issue: issuePropose,
		Problem: "missing pull_requests:write permission, or a token for the wrong repository",
		Fix:     "give the token Pull requests: write; in a workflow, set `permissions: {contents: write, pull-requests: write}`",
	}
}
