package rotation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// Holder is a place that holds a token, by the record or as it was just seen.
type Holder struct {
	Place
	// Token is its hashed_token.
	Token string
	// Repositories are what the token is for there.
	Repositories []string
}

// holders are the places with the tokens that they hold by the records, which are in
// the order of the ledger: what was stored in a place later has taken the place of
// what was there. Tokens that are dead or over at the time are left out.
func holders(records []Record, now time.Time) []Holder {
	var all []Holder
	over := map[string]bool{}
	for _, r := range records {
		if r.Step == Finished {
			over[r.Old] = true
		}
		if !r.Expires.IsZero() && !now.Before(r.Expires) {
			over[r.New] = true
		}
		if r.Step != Stored {
			continue
		}
		for _, p := range r.Places {
			all = hold(all, Holder{p, r.New, r.Repositories})
		}
	}
	return slices.DeleteFunc(all, func(h Holder) bool { return over[h.Token] })
}

// hold adds a holder, in place of what is known of the same place. A Secret whose
// cluster is not known is taken for the one of the same name.
func hold(all []Holder, h Holder) []Holder {
	var kept []Holder
	h.Repositories = slices.Clone(h.Repositories)
	for _, o := range all {
		if !h.same(o) {
			kept = append(kept, o)
			continue
		}
		if o.Token == h.Token {
			h.Cluster = cmp.Or(h.Cluster, o.Cluster)
			h.Repositories = append(h.Repositories, o.Repositories...)
		}
	}
	slices.Sort(h.Repositories)
	h.Repositories = slices.Compact(h.Repositories)
	return append(kept, h)
}

// Shared are the findings on tokens that two clusters hold, or two Secrets or two
// environments of different repositories, by the records and by what was seen just
// now. An environment and the Secret that gets the token from there are how it is
// meant to be, and what is not known of a place counts for nothing.
func Shared(records []Record, now time.Time, seen []Holder, only func(token string) bool) []finding.Finding {
	all := holders(records, now)
	for _, h := range seen {
		all = hold(all, h)
	}
	if only != nil {
		all = slices.DeleteFunc(all, func(h Holder) bool { return !only(h.Token) })
	}
	var s token.Storage
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Token != "" && a.Token == b.Token && a.apart(b) {
				s.Seen(a.words(), a.Token, "")
				s.Seen(b.words(), b.Token, "")
			}
		}
	}
	return s.Findings()
}

func (h Holder) same(o Holder) bool {
	kind, name, _ := h.slot()
	otherKind, other, _ := o.slot()
	return kind == otherKind && name == other && !h.elsewhere(o)
}

// elsewhere says that the two are known to be in different clusters.
func (h Holder) elsewhere(o Holder) bool {
	return h.Cluster != "" && o.Cluster != "" && h.Cluster != o.Cluster
}

func (h Holder) apart(o Holder) bool {
	kind, name, _ := h.slot()
	otherKind, other, _ := o.slot()
	return kind == otherKind && (h.elsewhere(o) || name != other && h.foreign(o))
}

// foreign says that the two have no repository in common.
func (h Holder) foreign(o Holder) bool {
	common := slices.ContainsFunc(h.Repositories, func(full string) bool {
		return slices.ContainsFunc(o.Repositories, func(other string) bool { return strings.EqualFold(full, other) })
	})
	return !common && len(h.Repositories) > 0 && len(o.Repositories) > 0
}

// words name the holder in a sentence.
func (h Holder) words() string {
	kind, name, _ := h.slot()
	text := "environment " + name
	if kind == "secret" {
		text = "Secret " + name + " in cluster " + cmp.Or(h.Cluster, "(not known)")
	}
	if len(h.Repositories) > 0 {
		text += " for " + strings.Join(h.Repositories, " and ")
	}
	return text
}
