package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/api"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// eraseCmd keeps bodies for a while only.
type eraseCmd struct {
	appending
	OlderThan console.Days `required:"" placeholder:"TIME" help:"Erase bodies that came in longer ago than this, such as 400d; 7d at least."`
	Yes       bool         `help:"Erase without asking."`
}

// Run says what would go, erases it, and says how many bodies went.
func (c *eraseCmd) Run(a *console.Console) error {
	do, end, err := c.begin(a)
	if err != nil {
		return err
	}
	defer end()
	e := api.Erasure{OlderThan: time.Duration(c.OlderThan)}
	if err := do.ask(a.Context, api.Erasable, e, &e); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "to be erased: %d bodies that came in before %s; their entries stay\n", e.Bodies, e.Before.Format(time.DateTime))
	if len(e.Keepers) > 0 {
		names := make([]string, len(e.Keepers))
		for i, index := range e.Keepers {
			names[i] = strconv.FormatInt(index, 10)
		}
		fmt.Fprintf(a.Stdout, "%d bodies stay, since later entries have them, too: %s\n", len(names), text.Some(names, 10))
	}
	if !c.Yes && !a.Confirm("erase them for good?") {
		return console.Fail(console.StatusUsage, errors.New("nothing was erased"), "say --yes to erase without being asked")
	}
	defer a.Announce("erasing").Stop()
	if err := do.ask(a.Context, api.Erase, e, &e); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "%d bodies erased\n", e.Bodies)
	return err
}
