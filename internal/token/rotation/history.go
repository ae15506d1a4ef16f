package rotation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// History is what a ledger has of rotations.
type History struct {
	// Records are in the order of the ledger.
	Records []Record
	// Rotations are what the records come to.
	Rotations []Rotation
	// Gap is about records that this program cannot read; nil where it read all.
	Gap error
}

// refusal is an error with what to do about it.
func refusal(what, hint string) error { return text.WithHint(errors.New(what), hint) }

// recordVersion is the version of the entries of kind Rotation that this program
// writes and reads.
const recordVersion = 1

// Read reads a ledger's rotations.
func Read(ctx context.Context, l ledger.Reader) (History, error) {
	var h History
	entries, gaps, err := l.Own(ctx, ledger.Rotation)
	if err != nil {
		return h, err
	}
	for _, entry := range entries {
		body, err := l.BodyOf(ctx, entry)
		if err != nil && ctx.Err() != nil {
			return h, err
		}
		var r Record
		if err == nil && entry.Version != recordVersion {
			err = fmt.Errorf("%w: %d", ledger.ErrVersion, entry.Version)
		}
		if err == nil {
			r, err = ParseRecord(body)
		}
		if err != nil {
			gaps = append(gaps, fmt.Sprintf("entry %d: %v", entry.Index, err))
			continue
		}
		h.Records = append(h.Records, r)
	}
	if len(gaps) > 0 {
		h.Gap = refusal("read rotations: "+strings.Join(gaps, "; "),
			"verify the ledger; a later version of this program may have written what this one cannot read")
	}
	h.Rotations = Join(h.Records)
	return h, nil
}

// Whole reads a ledger's rotations, and refuses a record of which a part cannot be read.
func Whole(ctx context.Context, l ledger.Reader) (History, error) {
	h, err := Read(ctx, l)
	return h, cmp.Or(err, h.Gap)
}

// Keep puts the record into a ledger.
func (r Record) Keep(ctx context.Context, keep func(context.Context, ledger.Entry, []byte) error) error {
	entry, body, err := r.Entry()
	if err == nil {
		err = keep(ctx, entry, body)
	}
	return err
}

// Entry is the ledger's entry of the record, with its body.
func (r Record) Entry() (ledger.Entry, []byte, error) {
	body, err := json.Marshal(r)
	target := ""
	if len(r.Repositories) > 0 {
		target = r.Repositories[0]
	}
	return ledger.Entry{
		Kind: ledger.Rotation, Version: recordVersion, Time: r.Time.Truncate(time.Microsecond), Source: "fluxkeeper", ID: r.New,
		Name: string(r.Step), Target: target,
	}, body, err
}

// Replaces is the token that the new one of a rotation takes the place of: the one that
// the places hold, where what Flux reads counts most, or else the last one on record for
// the repository. A token that the record knows from an earlier rotation, or with another
// server, is refused.
func (h History) Replaces(begun Record, places []Copy) (old string, err error) {
	fresh := begun.New
	for _, p := range places {
		if p.Token != "" && p.Token != fresh {
			old = p.Token
		}
	}
	if last, ok := Newest(Live(h.Rotations), begun.Repositories[0]); ok && old == "" && last.New != fresh {
		old = last.New
	}
	for _, r := range h.Rotations {
		switch {
		case r.New == fresh && !r.Finished.IsZero(), r.Old == fresh:
			return "", refusal("this token is not new: the ledger knows it from an earlier rotation", "make another on GitHub's page")
		case r.New == fresh:
			old = r.Old // the same rotation once more
		}
	}
	for _, r := range h.Rotations {
		if r.New == fresh && r.Server != begun.Server {
			return "", refusal("--api-url: this token is on record for "+text.Line(r.Server), "give the same server again")
		}
	}
	return old, nil
}

// UnderWay is the rotation that can be finished: the newest that is not, and whose
// new token is stored. An earlier one that was left so is next, once that is done.
func (h History) UnderWay(repository string) (Rotation, error) {
	open := slices.DeleteFunc(slices.Clone(h.Rotations), func(r Rotation) bool { return r.Stored.IsZero() || !r.Finished.IsZero() })
	if r, ok := Newest(open, repository); ok {
		return r, nil
	}
	if last, ok := Newest(h.Rotations, repository); ok && last.Stored.IsZero() {
		return Rotation{}, refusal("the new token is not stored yet", "give it to `rotate start` once more")
	}
	return Rotation{}, refusal("no rotation is under way", "begin one with `rotate start`")
}

// About is what the record says of one repository's token at a time, and what it finds.
func (h History) About(repository string, now time.Time) (evidence []string, found []finding.Finding) {
	for _, r := range Live(h.Rotations) {
		if r.of(repository) {
			evidence = append(evidence, "the token on record is "+r.New+", stored on "+text.Minute(r.Stored))
		}
	}
	if len(evidence) == 0 {
		evidence = []string{"no token of " + repository + " is on record as stored"}
	}
	for _, alert := range Alerts(h.Rotations, now, "") {
		if among(alert.Repositories, repository) {
			found = append(found, alert.Finding)
		}
	}
	return evidence, found
}

// Ends is when the first of the stored tokens expires, by the record; zero where it
// has none. Unknown says that it lacks the end of one.
func (h History) Ends() (first time.Time, unknown bool) {
	for _, r := range Live(h.Rotations) {
		switch {
		case r.Expires.IsZero():
			unknown = true
		case first.IsZero() || r.Expires.Before(first):
			first = r.Expires
		}
	}
	return first, unknown
}
