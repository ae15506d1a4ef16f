package audit

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Contract is what the bot's accounts may do, in plain values.
type Contract struct {
	// Accounts are the bot's. Their ids decide; an account without one is not
	// looked for. Without any id nothing can be attributed.
	Accounts []Account
	// Repositories are patterns of full names (owner/name, letter case ignored)
	// or ids in decimal digits. None means any.
	Repositories []string
	// Branches are patterns of the branches that the bot may push and propose.
	// None means no branch.
	Branches []string
	// Events are what the bot may cause: "event" or "event.action".
	Events []string
}

// bot tells whether the account is one of the bot's.
func (c Contract) bot(a Account) bool {
	return a.ID != 0 && slices.ContainsFunc(c.Accounts, func(b Account) bool { return b.ID == a.ID })
}

// namesake tells whether the account has a login of the bot's and another id.
func (c Contract) namesake(a Account) bool {
	return a.ID != 0 && !c.bot(a) && slices.ContainsFunc(c.Accounts, func(b Account) bool {
		return b.ID != 0 && b.Login != "" && strings.EqualFold(a.Login, b.Login)
	})
}

func (c Contract) known() bool {
	return slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.ID != 0 })
}

func (c Contract) repository(r Repository) bool {
	if len(c.Repositories) == 0 {
		return true
	}
	id, name := strconv.FormatInt(r.ID, 10), strings.ToLower(r.Name)
	return slices.ContainsFunc(c.Repositories, func(want string) bool {
		return want == id || pattern.Match(strings.ToLower(want), name)
	})
}

// branch tells whether a ref is one of the bot's branches. A tag is none.
func (c Contract) branch(ref string) bool {
	name, ok := strings.CutPrefix(ref, "refs/heads/")
	return ok && pattern.Any(c.Branches, name)
}

func (c Contract) event(kind, action string) bool {
	return slices.Contains(c.Events, kind) || action != "" && slices.Contains(c.Events, kind+"."+action)
}
