package storytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// The repository, its number, and the branches of every scene.
const (
	Owner        = "goldfish-inc"
	Name         = "oceanid"
	Repository   = Owner + "/" + Name
	RepositoryID = 815
	Base         = "main"
	Head         = "flux-image-updates"
)

// Bot makes the updates, Ann is a person.
var (
	Bot = Person{"fluxcdbot", "fluxcdbot@users.noreply.github.com"}
	Ann = Person{"ann", "ann@example.com"}
)

// Person is somebody who commits; the login is the name.
type Person struct{ Name, Email string }

// Scene is a repository in which Flux has pushed an update, on a fake GitHub.
type Scene struct {
	*fakehub.Hub
	t testing.TB
	// Work is a work tree of the repository.
	Work string
}

// New sets the scene in which Flux pushed its branch, and nothing else happened.
// root is the path of the project's own repository; changes change the
// repository's settings.
func New(t testing.TB, root string, options fakehub.Options, changes ...func(*fakehub.Repo)) *Scene {
	t.Helper()
	dir := t.TempDir()
	s := &Scene{t: t, Work: filepath.Join(dir, "work")}
	bare := filepath.Join(dir, Name+".git")
	demo, err := filepath.Abs(filepath.Join(root, "examples", "demo"))
	if err != nil {
		t.Fatal(err)
	}
	s.run(dir, "clone", "-q", "--no-checkout", filepath.Join(demo, "demo.bundle"), s.Work)
	s.run(dir, "init", "-q", "--bare", "-b", Base, bare)
	s.Git("remote", "set-url", "origin", bare)
	s.Git("checkout", "-q", "-B", Base, "origin/keep-round2")
	policies, err := os.ReadFile(filepath.Join(demo, "policies.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.Write("clusters/tethys/policies.yaml", string(policies))
	s.Commit(Ann, "Keep the image policies here")
	s.Git("push", "-q", "origin", Base)
	s.Git("checkout", "-q", "-B", Head, "origin/"+Head+"^")
	s.Git("push", "-q", "origin", Head)
	repo := fakehub.Repo{Dir: bare, Owner: Owner, Name: Name, ID: RepositoryID, ActionsMayOpen: true}
	for _, change := range changes {
		change(&repo)
	}
	options.Repos = append(options.Repos, repo)
	s.Hub = fakehub.NewWith(t, options)
	s.AddAccount(fakehub.Account{Login: Bot.Name, ID: 4711})
	s.AddAccount(fakehub.Account{Login: Ann.Name, ID: 12, Emails: []string{Ann.Email}})
	s.AddPush(Repository, fakehub.Push{Ref: Head, After: s.Rev(Head), Actor: Bot.Name})
	return s
}

// ActionsMayNotOpen is the setting that forbids workflows to open and approve
// pull requests with their own token.
func ActionsMayNotOpen(r *fakehub.Repo) { r.ActionsMayOpen = false }

// Open opens the pull request of Flux's branch, by the bot and without a body,
// and gives its number.
func (s *Scene) Open() int {
	return s.OpenPull(Repository, fakehub.Pull{Title: "Image updates", Head: Head, Base: Base, Author: Bot.Name})
}

// Rev gives the commit id of a revision.
func (s *Scene) Rev(name string) string {
	s.t.Helper()
	return s.Git("rev-parse", name+"^{commit}")
}

// Write writes a file of the work tree.
func (s *Scene) Write(path, content string) {
	s.t.Helper()
	file := filepath.Join(s.Work, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// Commit commits the work tree.
func (s *Scene) Commit(who Person, message string) {
	s.t.Helper()
	s.Git("add", "-A")
	s.Git("-c", "user.name="+who.Name, "-c", "user.email="+who.Email, "commit", "-q", "--allow-empty", "-m", message)
}

// Push pushes the checked out commit to a branch, as somebody.
func (s *Scene) Push(who Person, branch string) string {
	s.t.Helper()
	s.Git("push", "-q", "--force", "origin", "HEAD:refs/heads/"+branch)
	sha := s.Rev("HEAD")
	s.AddPush(Repository, fakehub.Push{Ref: branch, After: sha, Actor: who.Name})
	return sha
}

// Tamper adds a commit in the bot's name to Flux's branch that hides a field
// behind U+0085 in what a diff shows as a comment, and pushes it as Ann.
func (s *Scene) Tamper() string {
	s.t.Helper()
	const file = "clusters/tethys/cert-manager.yaml"
	data, err := os.ReadFile(filepath.Join(s.Work, file))
	if err != nil {
		s.t.Fatal(err)
	}
	const at = "    spec:\n"
	s.Write(file, strings.Replace(string(data), at, at+"      # release notes read\u0085      hostNetwork: true\n", 1))
	s.Commit(Bot, "Update images")
	return s.Push(Ann, Head)
}

// Git runs git in the work tree, under nobody's settings and no clock.
func (s *Scene) Git(args ...string) string {
	s.t.Helper()
	return s.run(s.Work, args...)
}

func (s *Scene) run(dir string, args ...string) string {
	s.t.Helper()
	// Housekeeping would go on beside the test, and after it.
	command := exec.Command("git", append([]string{"-c", "gc.auto=0", "-c", "maintenance.auto=false"}, args...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "TZ=UTC",
		"GIT_AUTHOR_DATE=2026-11-22T12:00:00Z", "GIT_COMMITTER_DATE=2026-11-22T12:00:00Z")
	out, err := command.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
