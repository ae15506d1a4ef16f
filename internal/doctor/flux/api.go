package flux

import (
	"errors"
	"net/url"
	"strings"
)

// API is GitHub's API for a repository, by where Flux sends the token anyway: a token
// of one server is never shown to another. It is empty for github.com's.
func (c Cluster) API(repository string) (string, error) {
	host := ""
	for _, r := range c.Repositories {
		parsed, err := url.Parse(r.URL)
		if !r.Of(repository) || err != nil || parsed.Scheme != "https" {
			continue
		}
		if host != "" && host != parsed.Host {
			return "", errors.New("the repository's GitRepositories are on several hosts: name GitHub's API with --api-url")
		}
		host = parsed.Host
	}
	switch {
	case host == "":
		return "", errors.New("no GitRepository says over https where the repository is: name GitHub's API with --api-url")
	case host == "github.com", host == "www.github.com":
		return "", nil
	case strings.HasSuffix(host, ".ghe.com"):
		return "https://api." + host, nil
	}
	return "https://" + host + "/api/v3", nil
}
