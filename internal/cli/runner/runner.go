package runner

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Runner is the runtime of one step. It is not safe for concurrent use.
type Runner struct {
	env     func(string) (string, bool)
	actions *githubactions.Action
	out     *stickyWriter
	// outputs is how much of the outputs' room is taken, in UTF-16 units.
	outputs int
}

// Context says where the step runs, as the runner's environment tells it.
type Context struct {
	// Repository is "owner/name"; RepositoryID its numeric id, 0 where not told.
	Repository   string
	RepositoryID int64
	// APIURL and GraphQLURL are where GitHub's API answers.
	APIURL, GraphQLURL string
	// RunURL is the page of this workflow run; empty where not told.
	RunURL string
}

// New gives the runtime of the step that env describes. Workflow commands go to
// stdout, past every guard: give everything else the writer of Lines.
func New(env func(string) (string, bool), stdout io.Writer) *Runner {
	out := &stickyWriter{to: stdout}
	get := func(name string) string { value, _ := env(name); return value }
	return &Runner{
		env: env, out: out,
		actions: githubactions.New(githubactions.WithWriter(out), githubactions.WithGetenv(get)),
	}
}

// Mask asks the runner to print *** for a secret. It must come before anything
// else is printed.
func (r *Runner) Mask(s secret.Secret) error {
	// A mask of blanks would eat every blank of the log.
	if strings.TrimSpace(s.Reveal()) == "" {
		return nil
	}
	r.actions.AddMask(s.Reveal())
	return r.out.failure("mask secret")
}

// Log prints text to the log, each line as text.Plain shows it.
func (r *Runner) Log(text string) error {
	w := Lines(r.out)
	_, _ = io.WriteString(w, text)
	return w.Close()
}

var repositoryName = pattern.Lazy(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]{1,100}$`)

// Context reads where the step runs. A runner sets all of it, so that what is
// missing or malformed is an error.
func (r *Runner) Context() (Context, error) {
	var c Context
	var problems []error
	need := func(name string) string {
		value, _ := r.env(name)
		if value == "" {
			problems = append(problems, fmt.Errorf("read environment: %s is not set", name))
		}
		return value
	}
	c.Repository = need("GITHUB_REPOSITORY")
	if c.Repository != "" && !repositoryName().MatchString(c.Repository) {
		problems = append(problems, fmt.Errorf("read environment: GITHUB_REPOSITORY is %q, not owner/name", c.Repository))
	}
	c.APIURL, c.GraphQLURL = need("GITHUB_API_URL"), need("GITHUB_GRAPHQL_URL")
	if id, _ := r.env("GITHUB_REPOSITORY_ID"); id != "" {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			problems = append(problems, fmt.Errorf("read environment: GITHUB_REPOSITORY_ID is %q, not a number", id))
		}
		c.RepositoryID = n
	}
	server, _ := r.env("GITHUB_SERVER_URL")
	run, _ := r.env("GITHUB_RUN_ID")
	if _, err := strconv.ParseUint(run, 10, 64); err == nil && server != "" {
		c.RunURL = strings.TrimSuffix(server, "/") + "/" + c.Repository + "/actions/runs/" + run
	}
	return c, errors.Join(problems...)
}

// stickyWriter keeps the first error and claims success, because the SDK
// panics where it cannot write.
type stickyWriter struct {
	to  io.Writer
	err error
}

// Write never fails; failure tells what did.
func (w *stickyWriter) Write(p []byte) (int, error) {
	if w.err == nil {
		_, w.err = w.to.Write(p)
	}
	return len(p), nil
}

// failure is the first error so far, as one of the named doing.
func (w *stickyWriter) failure(doing string) error {
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, w.err)
}
