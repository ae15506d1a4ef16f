package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/api"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
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
	e := erasePlan{OlderThan: time.Duration(c.OlderThan)}
	if err := do.ask(a.Context, opErasable, e, &e); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "to be erased: %d bodies that came in before %s; their entries stay\n", e.Bodies, e.Before.Format(time.DateTime))
	if !c.Yes && !a.Confirm("erase them for good?") {
		return console.Fail(console.StatusUsage, errors.New("nothing was erased"), "say --yes to erase without being asked")
	}
	defer a.Announce("erasing").Stop()
	if err := do.ask(a.Context, opErase, e, &e); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "%d bodies erased\n", e.Bodies)
	return err
}

// erasePlan is what is to be erased, and then what was.
type erasePlan struct {
	OlderThan time.Duration `json:"older_than"`
	Before    time.Time     `json:"before,omitzero"`
	Bodies    int64         `json:"bodies"`
}

// leastKept is how long a body stays at the least: GitHub lists deliveries for three
// days, and somebody has to have had the time to look.
const leastKept = 7 * 24 * time.Hour

// plan sets the time before which bodies go, and counts them.
func (e erasePlan) plan(ctx context.Context, l *store.Ledger) (out erasePlan, err error) {
	e.Before = now().Add(-e.OlderThan)
	if err := e.check(); err != nil {
		return e, err
	}
	e.Bodies, err = l.Erasable(ctx, e.Before)
	return e, err
}

// do erases what came in before the time.
func (e erasePlan) do(ctx context.Context, l *store.Ledger) (out erasePlan, err error) {
	if err := e.check(); err != nil {
		return e, err
	}
	e.Bodies, err = l.Erase(ctx, e.Before, audit.Keep)
	return e, err
}

// check refuses to erase what somebody may yet have to look at.
func (e erasePlan) check() error {
	if e.Before.IsZero() || e.Before.After(now().Add(-leastKept)) {
		return api.Refused{What: "--older-than must be 7d or more", Advice: "give a time such as 400d"}
	}
	return nil
}
