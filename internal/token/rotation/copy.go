package rotation

import (
	"context"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Copy is a place as it was looked at just now.
type Copy struct {
	Place
	// Token is what it holds, by its hashed_token; empty for none.
	Token string
	// Held is the token itself.
	Held secret.Secret
	// Remark is a sentence on how the token is kept there, where that is not as it
	// should be.
	Remark string
	// Unknown says why the place's cluster is not known, where it has one.
	Unknown string
	// Store puts another token there; nil where that is another program's business.
	Store func(context.Context, secret.Secret) (revision string, err error)
	// Worked is when Flux last worked, and from when on a run surely used what the
	// place holds; nil where that cannot be seen.
	Worked func(context.Context) (last, needed time.Time, err error)
}

// Fresh is the new token of a rotation, from the first place that holds it.
func Fresh(places []Copy, fingerprint string) secret.Secret {
	for _, p := range places {
		if p.Token == fingerprint {
			return p.Held
		}
	}
	return secret.Secret{}
}

// Observe is what the places show at a time, and in sentences what they do not.
func Observe(ctx context.Context, now time.Time, places []Copy) (o Observation, gaps []string) {
	o = Observation{Now: now, Copies: map[string]string{}}
	for _, p := range places {
		o.Copies[p.Where] = p.Token
		if p.Unknown != "" {
			gaps = append(gaps, p.Unknown)
		}
		if p.Worked == nil {
			continue
		}
		last, needed, err := p.Worked(ctx)
		if err != nil {
			gaps = append(gaps, err.Error())
			continue
		}
		o.InCluster, o.Worked, o.Needed = p.Where, last, needed
	}
	return o, gaps
}

// HoldersOf are the places as holders of a token for the repositories: of what each
// holds, or of one that is to be stored in all of them.
func HoldersOf(places []Copy, repositories []string, fresh string) []Holder {
	var all []Holder
	for _, p := range places {
		h := Holder{p.Place, p.Token, repositories}
		if fresh != "" {
			h.Token = fresh
		}
		all = append(all, h)
	}
	return all
}
