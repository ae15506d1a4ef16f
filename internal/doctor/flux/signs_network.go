package flux

// scanSigns tell that the image registry could not be read, so that there is
// nothing to update to.
func scanSigns() []sign {
	rule := "cluster/scan-failed"
	return []sign{
		{texts: []string{"no tags in database"}, cause: Cause{
			Name: "not-scanned", Rule: rule, Stage: Scan,
			Problem: "the ImageRepository has not been scanned yet, or its scans fail",
			Fix:     "look at the ImageRepository's own condition; after a first start it settles by itself"}},
		{stage: Scan, texts: []string{"unauthorized", "denied:", "status code 401", "status code 403"}, cause: Cause{
			Name: "registry-denied", Rule: rule, Stage: Scan,
			Problem: "the image registry refuses the credentials, or there are none",
			Fix: "name a Secret of type kubernetes.io/dockerconfigjson under the ImageRepository's spec.secretRef; the git token is not used " +
				"for registries"}},
		{stage: Scan, texts: []string{"name_unknown", "manifest_unknown", "status code 404", "404 not found"}, cause: Cause{
			Name: "image-missing", Rule: rule, Stage: Scan,
			Problem: "the image registry knows no such image", Fix: "correct the ImageRepository's spec.image"}},
		{stage: Scan, texts: []string{"toomanyrequests", "status code 429"}, cause: Cause{
			Name: "registry-limit", Rule: rule, Stage: Scan,
			Problem: "the image registry's rate limit is used up", Fix: "scan less often (spec.interval), or with credentials"}},
		{texts: []string{"unable to determine latest version", "unable to determine latest", "version list argument cannot be empty"},
			cause: Cause{
				Name: "no-version", Rule: rule, Stage: Scan,
				Problem: "no tag of the image is in the ImagePolicy's range",
				Fix:     "compare spec.policy.semver.range and filterTags with the tags that the registry has"}},
		{stage: Scan, texts: []string{"scan failed"}, cause: Cause{
			Name: "registry-down", Rule: rule, Stage: Scan,
			Problem: "the image registry could not be read", Fix: "see whether the registry is up and can be reached from the cluster"}},
	}
}

// networkSigns tell that nobody answered, or not in time, or not the right one.
func networkSigns() []sign {
	rule := "cluster/unreachable"
	return []sign{
		{texts: []string{"api rate limit exceeded", "secondary rate limit", "status code: 429", "rate limit exceeded", "too many requests",
			"submitted too quickly"}, cause: Cause{
			Name: "rate-limit", Rule: "cluster/rate-limited",
			Problem: "GitHub's rate limit is used up, which all tokens of an account share",
			Fix:     "wait for the reset, lengthen the intervals of GitRepository and ImageUpdateAutomation, and see what else uses the account"}},
		{texts: []string{"x509:", "tls: ", "ssl certificate problem", "certificate verify failed", "certificate signed by unknown authority"},
			cause: Cause{
				Name: "tls", Rule: rule,
				Problem: "the git host's certificate is not trusted, has expired, or is another host's",
				Fix: "put the authority's certificate under the Secret's key ca.crt if the host is your own; for github.com, look for a proxy " +
					"that opens TLS, and never turn verification off"}},
		{texts: []string{"no such host", "could not resolve host", "server misbehaving", "temporary failure in name resolution"}, cause: Cause{
			Name: "dns", Rule: rule,
			Problem: "the git host's name cannot be resolved in the cluster",
			Fix:     "check spec.url for a typing error, then the cluster's DNS and the network policies of flux-system"}},
		{texts: []string{"proxyconnect", "proxy authentication required", "407 proxy"}, cause: Cause{
			Name: "proxy", Rule: rule,
			Problem: "the proxy in between refuses or cannot be reached",
			Fix:     "correct the GitRepository's spec.proxySecretRef, or HTTPS_PROXY and NO_PROXY of the controllers"}},
		{texts: []string{"context deadline exceeded", "i/o timeout", "tls handshake timeout", "client.timeout exceeded", "operation timed out",
			"connection timed out"}, cause: Cause{
			Name: "timeout", Rule: rule,
			Problem: "the git host did not answer in time",
			Fix: "see https://www.githubstatus.com and the way out of the cluster; a large repository may need a longer spec.timeout of the " +
				"GitRepository"}},
		{texts: []string{"connection refused", "no route to host", "network is unreachable", "connection reset by peer", "unexpected eof",
			"remote end hung up unexpectedly", "host is down"}, cause: Cause{
			Name: "server-down", Rule: rule,
			Problem: "the git host cannot be reached from the cluster",
			Fix:     "see https://www.githubstatus.com, then egress, proxy and network policies of flux-system"}},
		{texts: []string{"status code: 500", "status code: 502", "status code: 503", "status code: 504", "internal server error", "bad gateway",
			"service unavailable"}, cause: Cause{
			Name: "server-error", Rule: rule,
			Problem: "the git host answered with an error of its own",
			Fix:     "see https://www.githubstatus.com; Flux tries again by itself"}},
	}
}

// lastSigns are general words of git, after everything particular.
func lastSigns() []sign {
	return []sign{
		{stage: Push, texts: []string{"[remote rejected]", "command error on refs/", "failed to push some refs"}, cause: Cause{
			Name: "push-rejected", Rule: "cluster/push-refused", Stage: Push, Issue: issuePush,
			Problem: "the git host refused the push for a reason of its own", Fix: "read the reason behind the branch's name; " + fixBypass}},
	}
}
