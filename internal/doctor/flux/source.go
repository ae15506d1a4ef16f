package flux

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// apis looks for the kinds that Flux's image automation needs, in a version
// that current releases serve.
func (x *examiner) apis() {
	for _, api := range x.APIs {
		switch {
		case len(api.Served) == 0:
			x.Report("cluster/api-missing", "install it: `flux install --components-extra=image-reflector-controller,image-automation-controller`",
				"the cluster knows no kind %s", api.Kind)
		case !slices.Contains(api.Served, "v1"):
			x.Report("cluster/api-old", "upgrade Flux, run `flux migrate`, and set apiVersion to v1 in the repository",
				"%s is served only as %s, which Flux 2.9 and later do not have", api.Kind, strings.Join(api.Served, ", "))
		default:
			x.Evidence("%s %s", api.Kind, strings.Join(api.Served, ", "))
		}
	}
}

func (x *examiner) repositories() {
	if len(x.sources) == 0 && !x.Lacks(CheckRepository) {
		x.Report("cluster/repository-missing", "apply a GitRepository with spec.url of the repository, or name the right --repo and --namespace",
			"no GitRepository in namespace %s is of %s", x.Namespace, cmp.Or(x.expect.Repository, "any repository"))
	}
	for _, r := range x.sources {
		of := object("GitRepository", r.Namespace, r.Name)
		x.Evidence("%s of %s, Secret %s, %s", of, secret.Redact(r.URL), cmp.Or(r.Secret, "none"), readiness(r.Conditions))
		if r.Suspended {
			x.Report("cluster/suspended", "resume it when it is meant to work: `flux resume source git "+r.Name+"`", "%s is suspended", of)
		}
		x.address(of, r)
		if strings.HasPrefix(r.URL, "http") && r.Secret == "" {
			x.Report("cluster/anonymous", "name the Secret under spec.secretRef of the GitRepository",
				"%s names no Secret, so that Flux fetches and pushes without a token", of)
		}
	}
}

// address looks at what a URL gives away.
func (x *examiner) address(of string, r GitRepository) {
	parsed, err := url.Parse(r.URL)
	switch {
	case err != nil:
		x.Report("cluster/url", "write spec.url as https://host/owner/name", "the URL of %s cannot be read", of)
	case parsed.Scheme == "http":
		x.Report("cluster/url", "write spec.url with https://", "the URL of %s is not encrypted: the token travels in the open", of)
	case parsed.User != nil && (parsed.Scheme == "https" || hasPassword(parsed)):
		x.Report("cluster/url", "take the credentials out of spec.url, put them into the Secret, and revoke the token: Flux prints URLs in "+
			"its logs",
			"the URL of %s holds credentials", of)
	}
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has
}

// secrets looks at the Secrets that the sources name.
func (x *examiner) secrets() {
	seen := map[string]bool{}
	for _, r := range x.sources {
		if r.Secret == "" || seen[r.Namespace+"/"+r.Secret] {
			continue
		}
		seen[r.Namespace+"/"+r.Secret] = true
		s, ok := x.secret(r)
		switch {
		case !ok:
			if !x.Lacks(CheckSecret) {
				x.Gap("Secret %s/%s: it was not read", r.Namespace, r.Secret)
			}
		case s.Missing:
			x.Report("cluster/secret-missing", fixOf("secret-missing"),
				"Secret %s/%s, which GitRepository %s names, is not in the cluster", r.Namespace, r.Secret, r.Name)
		default:
			x.keys(r, s)
		}
	}
}

func (x *examiner) secret(r GitRepository) (Secret, bool) {
	i := slices.IndexFunc(x.Secrets, func(s Secret) bool { return s.Namespace == r.Namespace && s.Name == r.Secret })
	if i < 0 {
		return Secret{}, false
	}
	return x.Secrets[i], true
}

// keys looks at a Secret's keys: those that Flux needs, and values that are sent
// otherwise than they were meant.
func (x *examiner) keys(r GitRepository, s Secret) {
	of := "Secret " + s.Namespace + "/" + s.Name
	var names []string
	for _, k := range s.Keys {
		names = append(names, k.Name)
		if k.Padded && k.Fingerprint != "" {
			x.Report("cluster/secret-padded",
				"store the value without it: `printf %s \"$TOKEN\"` rather than `echo`, and --from-file of a file without a last line break",
				"the value of key %s of %s begins or ends with white space or a line break, which Flux sends as a part of the token", k.Name, of)
		}
	}
	slices.Sort(names)
	x.Evidence("%s has keys %s%s", of, cmp.Or(strings.Join(names, ", "), "none"), writers(s))
	if problem, fix := wrongKeys(r, s); problem != "" {
		x.Report("cluster/secret-keys", fix, "%s %s", of, problem)
	}
	if s.Applied {
		x.Report("cluster/secret-copied",
			"create the Secret with `kubectl create` or server-side apply, and remove the annotation "+
				"kubectl.kubernetes.io/last-applied-configuration",
			"%s holds its values a second time, in the annotation that `kubectl apply` writes; rotating does not change that one", of)
	}
}

func writers(s Secret) string {
	if len(s.Managers) == 0 {
		return ""
	}
	return ", written by " + strings.Join(s.Managers, ", ")
}

// wrongKeys holds a Secret against how its GitRepository authenticates
// (https://fluxcd.io/flux/components/source/gitrepositories/#secret-reference).
func wrongKeys(r GitRepository, s Secret) (problem, fix string) {
	const basic = "give it `username` (any, such as git) and `password` (the token)"
	app := s.has("githubAppID") || s.has("githubAppPrivateKey")
	switch {
	case strings.HasPrefix(r.URL, "ssh://"):
		if !s.has("identity", "known_hosts") {
			return "lacks identity or known_hosts, which an ssh:// URL needs",
				"give it `identity` and `known_hosts`, or use an https:// URL with the token"
		}
	case r.Provider == "github":
		if !s.has("githubAppID", "githubAppPrivateKey") || s.has("githubAppInstallationOwner") == s.has("githubAppInstallationID") {
			return "lacks keys of a GitHub App, or has both or none of githubAppInstallationOwner and githubAppInstallationID, with " +
					"spec.provider: github",
				"give it githubAppID, githubAppPrivateKey and exactly one of the two, or drop spec.provider to use the token"
		}
	case app:
		return "has the keys of a GitHub App, but the GitRepository does not say spec.provider: github", "set spec.provider: github"
	case s.has("bearerToken") && (s.has("username") || s.has("password")):
		return "has bearerToken beside username and password, which Flux refuses", basic + ", and remove `bearerToken`"
	case s.has("bearerToken"):
		return "has bearerToken, which GitHub does not take from git", basic
	case s.has("username", "password"):
	case s.has("password"):
		return "has password without username, which Flux refuses", basic
	case s.has("username"):
		return "has username without password, which Flux refuses", basic
	case s.has("token"):
		return "has only the key token: Flux takes no notice of it and goes anonymous, without an error as long as the repository is public " +
			"and nothing is pushed", basic
	default:
		return "has no key that Flux authenticates with, so that it goes anonymous without an error", basic
	}
	return "", ""
}

// copies compares fingerprints of the token wherever it is kept.
func (x *examiner) copies() {
	for _, r := range x.sources {
		s, ok := x.secret(r)
		if !ok || s.Missing {
			if ok || len(x.expect.Copies) > 0 {
				x.Gap("Secret %s/%s: there is no token to compare", r.Namespace, cmp.Or(r.Secret, "none"))
			}
			continue
		}
		first := Key{}
		for _, name := range []string{"password", "bearerToken", "token"} {
			k, ok := s.key(name)
			if !ok || k.Fingerprint == "" {
				continue
			}
			if first.Name == "" {
				first = k
				x.Evidence("key %s of Secret %s/%s: %s", k.Name, s.Namespace, s.Name, k.Fingerprint)
			} else if k.Fingerprint != first.Fingerprint {
				x.Report("cluster/token-differs", "put the new token under both keys: a rotation left one behind",
					"keys %s and %s of Secret %s/%s hold different tokens", first.Name, k.Name, s.Namespace, s.Name)
			}
		}
		x.compare(s, first)
	}
}

func (x *examiner) compare(s Secret, k Key) {
	for _, c := range x.expect.Copies {
		switch {
		case k.Name == "":
			x.Gap("Secret %s/%s: it holds no token to compare with %s", s.Namespace, s.Name, c.Where)
		case c.Fingerprint != k.Fingerprint:
			x.Report("cluster/token-differs",
				"find out which is the current one, then store it everywhere (`pulumi up --yes`), and revoke the other",
				"Secret %s/%s holds another token than %s", s.Namespace, s.Name, c.Where)
		default:
			x.Evidence("the same in %s", c.Where)
		}
	}
}

// readiness is what an object says of itself.
func readiness(conditions []Condition) string {
	for _, c := range conditions {
		if c.Type == "Ready" {
			switch c.Status {
			case "True":
				return "ready"
			case "False":
				return "not ready (" + cmp.Or(c.Reason, "none") + ")"
			}
		}
	}
	return "readiness unknown"
}
