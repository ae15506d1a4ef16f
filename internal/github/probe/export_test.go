package probe

import "github.com/goldfish-inc/fluxkeeper/internal/github"

// GitRoot is where the server with this API is pushed to.
func GitRoot(api string) (string, error) {
	root, err := github.Options{APIURL: api}.Root()
	if err != nil {
		return "", err
	}
	return gitRoot(*root), nil
}
