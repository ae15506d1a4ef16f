package token

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Used is one thing that a token's account did, as a webhook delivery tells it.
type Used struct {
	Event, Action string
	// Workflow says that a push touched files under .github/workflows.
	Workflow bool
}

// uses are what the bot of a contract did in a repository, by readings of the record.
func uses(readings []audit.Reading, contract audit.Contract, repository string) []Used {
	workflow := map[int64]bool{}
	for _, r := range readings {
		workflow[r.Record.Index] = strings.HasPrefix(r.Body.Workflow, ".github/workflows/")
	}
	var all []Used
	for _, use := range audit.Judge(readings, contract).Uses {
		if strings.EqualFold(use.Repository.Name, repository) {
			touched := slices.ContainsFunc(append(use.Also, use.Index), func(index int64) bool { return workflow[index] })
			all = append(all, Used{Event: use.Event, Action: use.Action, Workflow: touched})
		}
	}
	return all
}

// Recorded narrows a need down to what a ledger shows that the bot of a contract did in
// a repository in a window, and counts these uses.
func (n Need) Recorded(
	ctx context.Context, l ledger.Reader, window audit.Window, contract audit.Contract, repository string,
) (Need, int, error) {
	var readings []audit.Reading
	_, gaps, err := audit.Collect(ctx, l, window, func(r audit.Reading) { readings = append(readings, r) })
	if err == nil && len(gaps) > 0 { // a need that was not seen would make a right surplus
		err = errors.New(strings.Join(gaps, "; "))
	}
	if err != nil {
		return n, 0, err
	}
	found := uses(readings, contract, repository)
	return n.Observed(found), len(found), nil
}

// Took is the permissions that a use took; nothing for what anybody may do or no
// such token can.
func (u Used) Took() map[string]Level {
	took := map[string]Level{}
	if permission := audit.Permission(u.Event); permission != "" {
		took[permission] = Write
	}
	if u.Event == "push" && u.Workflow {
		took[Workflows] = Write
	}
	return took
}

// Observed narrows a need down to what recorded uses took: permissions that
// none of them took become optional, those that some took are needed. Reading
// metadata and writing contents stay: without them Flux does nothing at all.
// A use outside of what the need allows does not make its permission needed,
// or a thief could widen what the token should have.
func (n Need) Observed(uses []Used) Need {
	out := n
	out.Permissions, out.Optional = maps.Clone(n.Permissions), maps.Clone(n.Optional)
	if out.Optional == nil {
		out.Optional = map[string]Level{}
	}
	took := map[string]Level{Metadata: Read, Contents: Write}
	for _, use := range uses {
		maps.Copy(took, use.Took())
	}
	for name, level := range n.Permissions {
		if took[name] == "" {
			delete(out.Permissions, name)
			out.Optional[name] = level
		}
	}
	for name, level := range n.Optional {
		if took[name] != "" {
			delete(out.Optional, name)
			out.Permissions[name] = level
		}
	}
	return out
}
