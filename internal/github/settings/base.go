package settings

import (
	"fmt"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
)

// maxOthers bounds how many bases are looked at beside the one of the updates.
const maxOthers = 4

// others reads what holds for the other bases that the gate's checks speak for.
func (g *gatherer) others() {
	names := slices.DeleteFunc(g.intent.Guarded(g.s.DefaultBranch), func(name string) bool { return name == g.s.Base.Name })
	for i, name := range names {
		if i == maxOthers {
			g.note(settings.CheckOthers, "the rules of all bases", fmt.Sprintf("%d more are not looked at", len(names)-i))
			return
		}
		g.s.Others = append(g.s.Others, g.branch(settings.CheckOthers, name))
	}
}
