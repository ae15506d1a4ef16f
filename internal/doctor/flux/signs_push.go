package flux

// pushSigns tell that a push was refused. Flux prints only the short reason
// that comes back for the branch, never the server's longer words (GH006,
// GH013), which git itself prints.
func pushSigns() []sign {
	rule := "cluster/push-refused"
	return []sign{
		{texts: []string{"refusing to allow a… to create or update workflow…without `workflow",
			"refusing to allow an… to create or update workflow…without `workflow"}, cause: Cause{
			Name: "workflow-scope", Rule: rule, Stage: Push, Issue: issuePush,
			Problem: "the commit touches .github/workflows, which the token may not: it lacks the scope workflow, or the permission Workflows: " +
				"write (Actions: write is something else)",
			Fix: "keep spec.update.path clear of .github/workflows, or, if workflows are meant to be updated, give the token Workflows: " +
				"write (classic: scope workflow)"}},
		{texts: []string{"commits must have verified signatures", "commit signing is required", "commits must have valid signatures"},
			cause: Cause{
				Name: "signature-required", Rule: rule, Stage: Push, Issue: issuePush,
				Problem: "the branch takes signed commits only, and Flux signs only with a signing key",
				Fix:     "set spec.git.commit.signingKey of the ImageUpdateAutomation, and add the public key to the bot's account"}},
		{texts: []string{"push cannot contain secrets", "github push protection"}, cause: Cause{
			Name: "secret-in-push", Rule: rule, Stage: Push, Issue: issuePush,
			Problem: "the commits hold a secret, which GitHub's push protection refuses",
			Fix:     "remove the secret from the branch, and revoke it: DON'T store in git or .env files"}},
		{texts: []string{"changes must be made through a pull request", "changes must be made through the merge queue",
			"cannot force-push to this branch",
			"cannot delete this branch", "required status check", "at least 1 approving review"}, cause: Cause{
			Name: "protected-branch", Rule: rule, Stage: Push, Issue: issuePush,
			Problem: "branch protection on the branch that Flux pushes to (branch protection on main, if it is the base)", Fix: fixBypass}},
		{texts: []string{"protected branch hook declined", "gh006"}, cause: Cause{
			Name: "protected-branch", Rule: rule, Stage: Push, Issue: issuePush,
			Problem: "branch protection on the branch that Flux pushes to (branch protection on main, if it is the base)", Fix: fixBypass}},
		{texts: []string{"push declined due to repository rule violations", "gh013"}, cause: Cause{
			Name: "ruleset", Rule: rule, Stage: Push, Issue: issuePush,
			Problem: "a ruleset of the repository or the organization refuses the push: a pull request, a signature, a linear history or a " +
				"status check is required, or the branch's name is reserved",
			Fix: "open Settings > Rules > Insights for what was violated; " + fixBypass + ", and sign commits where that is required"}},
		{texts: []string{"this repository was archived so it is read-only"}, cause: Cause{
			Name: "archived", Rule: rule, Stage: Push, Issue: issuePush,
			Problem: "the repository is archived", Fix: "suspend the ImageUpdateAutomation, or unarchive the repository"}},
		{texts: []string{"write access to repository not granted", "permission to…denied to", "you do not have permission to push",
			"not allowed to push code"}, cause: writeDenied()},
		{stage: Push, texts: []string{"authorization failed", "error: 403", "status code: 403"}, cause: writeDenied()},
		{texts: []string{"non-fast-forward", "[rejected]…fetch first", "updates were rejected because"}, cause: Cause{
			Name: "branch-moved", Rule: rule, Stage: Push,
			Problem: "somebody else pushed to Flux's branch, and it may not overwrite that",
			Fix:     "delete the branch (and let merges delete it: Automatically delete head branches), or turn GitForcePushBranch on"}},
		{texts: []string{"pre-receive hook declined", "update hook declined", "remote: error: hook declined", "hook declined"}, cause: Cause{
			Name: "hook-declined", Rule: rule, Stage: Push, Issue: issuePush,
			Problem: "a hook of the git server refused the push; its own words do not come back to Flux",
			Fix:     "push the same change with git once, which prints the hook's words, or ask who runs the server"}},
	}
}

func writeDenied() Cause {
	return Cause{
		Name: "write-denied", Rule: "cluster/push-refused", Stage: Push, Issue: issuePush,
		Problem: "the token may read the repository but not write to it: missing contents:write permission", Fix: fixContents,
	}
}

// configurationSigns tell that Flux's own objects do not fit together.
func configurationSigns() []sign {
	rule := "cluster/configuration-failed"
	return []sign{
		{texts: []string{"referenced git repository does not exist", `gitrepositories.source.toolkit.fluxcd.io "…" not found`}, cause: Cause{
			Name: "source-missing", Rule: rule, Stage: Setup,
			Problem: "the GitRepository that the ImageUpdateAutomation names does not exist",
			Fix:     "correct spec.sourceRef (kind, name, namespace), or apply the GitRepository: `kubectl get gitrepository -A`"}},
		{texts: []string{"cross-namespace references have been blocked"}, cause: Cause{
			Name: "cross-namespace", Rule: rule, Stage: Setup,
			Problem: "the GitRepository is in another namespace, which this Flux does not allow",
			Fix:     "move the ImageUpdateAutomation to the GitRepository's namespace"}},
		{texts: []string{"push spec not provided, and cannot be inferred"}, cause: Cause{
			Name: "push-branch-unknown", Rule: rule, Stage: Setup,
			Problem: "Flux does not know which branch to push to",
			Fix:     "set spec.git.push.branch, such as flux-image-updates"}},
		{texts: []string{"couldn't find remote ref", "reference not found", "remote branch…not found", "invalid refspec"}, cause: Cause{
			Name: "branch-missing", Rule: rule, Stage: Fetch,
			Problem: "the branch to check out does not exist in the repository",
			Fix:     "correct spec.git.checkout.ref.branch, or the GitRepository's spec.ref.branch"}},
		{texts: []string{"template uses removed", "template: …can't evaluate field", "failed to run template",
			"failed to create commit message template", "unable to create commit message template", "template: …unexpected",
			"template: …function"},
			cause: Cause{
				Name: "message-template", Rule: rule, Stage: Update,
				Problem: "the commit message's template does not work with this Flux: .Updated and .Changed.ImageResult are gone since " +
					"image-automation-controller 1.2",
				Fix: "use .Changed.Changes with .OldValue, .NewValue and .Setter in spec.git.commit.messageTemplate"}},
		{texts: []string{"failed to get signing key", "signing key…not found", "could not find signing key", "failed to unmarshal signing key",
			"unable to decrypt…signing", "failed to read signing entity", "failed to parse the signing"}, cause: Cause{
			Name: "signing-key", Rule: rule, Stage: Setup,
			Problem: "the key that commits are to be signed with cannot be used",
			Fix: "give the Secret of spec.git.commit.signingKey the keys git.asc and passphrase (gpg), or identity and password (ssh), in " +
				"the automation's namespace"}},
		{texts: []string{"update path…not found", "failed to apply policies", "update strategy", "no such file or directory"}, cause: Cause{
			Name: "update-path", Rule: rule, Stage: Update,
			Problem: "the path that Flux is to update cannot be read",
			Fix:     "correct spec.update.path: it counts from the repository's root"}},
		{texts: []string{"error getting data key", "failed to decrypt…sops", "sops metadata not found", "cannot get sops data key",
			"no identity matched any of the recipients", "error decrypting"}, cause: Cause{
			Name: "sops", Rule: rule, Stage: Apply,
			Problem: "an encrypted manifest, such as the token's Secret, cannot be decrypted: the cluster lacks the key that it was encrypted for",
			Fix:     "name the Secret with the age or PGP key under the Kustomization's spec.decryption, or encrypt again for this cluster's key"}},
		{texts: []string{"feature gate", "featuregatedisabled"}, cause: Cause{
			Name: "feature-gate", Rule: rule, Stage: Setup,
			Problem: "the object asks for a feature that this controller has turned off",
			Fix:     "turn the feature gate on in the controller's arguments, or drop the field"}},
		{texts: []string{`no matches for kind "…in version`, "the server could not find the requested resource"}, cause: Cause{
			Name: "kind-not-installed", Rule: rule, Stage: Apply,
			Problem: "a kind or version that is used is not installed in the cluster",
			Fix:     "run `flux migrate`, and set apiVersion to what `kubectl api-resources` lists"}},
	}
}
