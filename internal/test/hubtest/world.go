package hubtest

import (
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gittest"
)

// The repository, and the account that Flux pushes with.
const (
	Fleet = "acme/fleet"
	Bot   = "flux-bot"
	BotID = 4711
)

// World is a real repository that a test builds with git, and a hub over it.
type World struct {
	*fakehub.Hub
	*gittest.Repo
}

// NewRepo makes a repository with branch main and nothing in it.
func NewRepo(t testing.TB) *World { return &World{Repo: gittest.New(t)} }

// Serve puts the repository on a hub, whose accounts know the bot.
func (w *World) Serve(options ...func(*fakehub.Options)) *World {
	w.T.Helper()
	o := fakehub.Options{Repos: []fakehub.Repo{{Dir: w.GitDir(), Owner: "acme", Name: "fleet", ID: 1234}}}
	for _, f := range options {
		f(&o)
	}
	w.Hub = fakehub.NewWith(w.T, o)
	w.AddAccount(fakehub.Account{Login: Bot, ID: BotID, Emails: []string{"flux@example.com"}})
	return w
}
