package rotation

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// Overlap is how long the old token is kept beside the new one.
const Overlap = 24 * time.Hour

// Step is what one record of a rotation says was done.
type Step string

// The steps, in their order.
const (
	Started  Step = "started"  // the new token was checked
	Stored   Step = "stored"   // it is in the places that are named
	Finished Step = "finished" // the old one is dead
)

// Record is one step of a rotation, as the ledger keeps it. It names tokens by
// GitHub's hashed_token, which the audit log can be searched for.
type Record struct {
	Step Step      `json:"step"`
	Time time.Time `json:"time"`
	// By is who did it, as that person or job said.
	By string `json:"by"`
	// Server is the root of the API that was asked about the tokens; no other is.
	Server       string   `json:"server"`
	Repositories []string `json:"repositories"`
	// Old is empty where no old token was found.
	Old string `json:"old_hashed_token,omitempty"`
	New string `json:"new_hashed_token"`
	// Expires is the new token's end, where GitHub told.
	Expires time.Time `json:"expires,omitzero"`
	Places  []Place   `json:"places,omitempty"`
	// Proof says of a finished rotation how the old token's end was proven.
	Proof Proof `json:"proof,omitempty"`
}

// Place is where a token is kept.
type Place struct {
	// Where is "esc ORG/PROJECT/ENV PATH" or "secret NAMESPACE/NAME KEY".
	Where string `json:"where"`
	// Cluster is which cluster a Secret is in: the UID of its namespace kube-system.
	// Empty where that is not known.
	Cluster string `json:"cluster,omitempty"`
	// Revision is the place's own name for what was stored, Before for what was there.
	Revision string `json:"revision,omitempty"`
	Before   string `json:"before,omitempty"`
	// Owner is who has to bring the token there, where that is somebody else.
	Owner string `json:"owner,omitempty"`
}

// Proof is how it is known that a token is dead.
type Proof string

// The proofs.
const (
	Rejected Proof = "rejected" // GitHub does not take it any more
	Revoked  Proof = "revoked"  // it was revoked through GitHub's API, and is not taken any more
	Vouched  Proof = "vouched"  // who did it says so; nobody has its text any more, to ask about it
)

// ParseRecord reads a record's JSON, and refuses what a later version may have added.
func ParseRecord(body []byte) (Record, error) {
	var r Record
	if err := ledger.Decode(body, &r); err != nil {
		return Record{}, fmt.Errorf("parse rotation: %w", err)
	}
	if !slices.Contains([]Step{Started, Stored, Finished}, r.Step) || r.New == "" || r.Time.IsZero() || r.Server == "" {
		return Record{}, errors.New("parse rotation: step, time, server or new_hashed_token is missing")
	}
	return r, nil
}

// Rotation is one rotation: what its records come to.
type Rotation struct {
	Repositories              []string
	Old, New                  string
	By, Server                string
	Expires                   time.Time // the new token's
	OldExpires                time.Time // the old one's, where its own rotation is on record
	Places                    []Place
	Started, Stored, Finished time.Time // zero: not yet
	Proof                     Proof
}

// Join puts records, in the order of the ledger, together; a rotation is known
// by its new token.
func Join(records []Record) []Rotation {
	var all []Rotation
	at := map[string]int{}
	for _, r := range records {
		i, known := at[r.New]
		if !known {
			i = len(all)
			at[r.New] = i
			all = append(all, Rotation{New: r.New})
		}
		all[i].add(r)
	}
	for i := range all {
		if earlier, known := at[all[i].Old]; known {
			all[i].OldExpires = all[earlier].Expires
		}
	}
	return all
}

// NoOld says that there was no old token: its places were looked at, and had none.
func (d Rotation) NoOld() bool { return d.Old == "" && len(d.Places) > 0 }

// Dead says that the old token is dead for all that is known: there was none, GitHub
// does not take it, or its own end has come.
func (d Rotation) Dead(s Observation) bool {
	return d.NoOld() || s.Old == token.BadCredentials || !d.OldExpires.IsZero() && !s.Now.Before(d.OldExpires)
}

func (d *Rotation) add(r Record) {
	d.By, d.Server = r.By, r.Server
	if len(r.Repositories) > 0 {
		d.Repositories = r.Repositories
	}
	d.Old = cmp.Or(d.Old, r.Old)
	if !r.Expires.IsZero() {
		d.Expires = r.Expires
	}
	switch r.Step {
	case Started:
		if d.Started.IsZero() {
			d.Started = r.Time
		}
	case Stored:
		if d.Stored.IsZero() { // the overlap is not begun anew by storing it once more
			d.Stored = r.Time
		}
		d.Places = r.Places
	case Finished:
		d.Finished, d.Proof = r.Time, r.Proof
	}
}

// Observation is what was looked at just now. What was not is left empty.
type Observation struct {
	Now time.Time
	// Old is what GitHub answered to the old token.
	Old token.Class
	// Copies are the tokens that the places hold, by Where.
	Copies map[string]string
	// InCluster is the place that Flux reads, and Worked when Flux last did its work
	// without complaint; zero where nobody looked, or it complains.
	InCluster string
	Worked    time.Time
	// Needed is from when on a run of Flux surely began with what the place holds: a
	// full interval after it came there, by the cluster's clock. Zero: not known.
	Needed time.Time
}

// Stage is where a rotation stands.
type Stage string

// The stages.
const (
	Unstored Stage = "unstored" // the new token was checked, and is not in its places
	Unseen   Stage = "unseen"   // it is stored, and Flux was not seen to work with it
	Overlaps Stage = "overlap"  // Flux works with it, and the old one is within its last hours
	Overdue  Stage = "overdue"  // the old one still has to go, and its hours are over
	Dead     Stage = "dead"     // the old one is dead, which is not on record
	Done     Stage = "done"
)

// Standing is where a rotation stands, with what it goes by.
type Standing struct {
	Stage Stage
	// Left is how much of the overlap is left; negative once it is over. It is
	// counted from when the new token was stored.
	Left time.Duration
	// Seen says that Flux works with the new token; SeenKnown, that it was looked at.
	Seen, SeenKnown bool
	// Missing are the places that do not hold the new token.
	Missing []Place
}

// Stand says where a rotation stands.
func (d Rotation) Stand(s Observation) Standing {
	st := Standing{SeenKnown: s.InCluster != "" && !d.Stored.IsZero()}
	if !d.Stored.IsZero() {
		st.Left = d.Stored.Add(Overlap).Sub(s.Now)
	}
	for _, p := range d.Places {
		if have, looked := s.Copies[p.Where]; looked && have != d.New {
			st.Missing = append(st.Missing, p)
		}
	}
	// Both times are the cluster's. A run in the future shows that some clock is wrong.
	st.Seen = st.SeenKnown && s.Copies[s.InCluster] == d.New && !s.Needed.IsZero() && !s.Worked.Before(s.Needed) && !s.Worked.After(s.Now)
	switch {
	case !d.Finished.IsZero():
		st.Stage = Done
	case d.Stored.IsZero():
		st.Stage = Unstored
	case d.Dead(s):
		st.Stage = Dead
	case st.Left <= 0:
		st.Stage = Overdue
	case len(st.Missing) > 0 || st.SeenKnown && !st.Seen:
		st.Stage = Unseen
	default:
		st.Stage = Overlaps
	}
	return st
}

// Next says in one sentence what to do.
func (st Standing) Next() string {
	switch st.Stage {
	case Unstored:
		return "give the new token to `rotate start` once more"
	case Unseen:
		return "bring the new token to the cluster, and wait until Flux works with it; the old one must live until then"
	case Overlaps:
		if !st.SeenKnown {
			return "make sure that Flux works with the new token, and then run `rotate finish`"
		}
		return "delete the old token in GitHub's settings and run `rotate finish`, or let `rotate finish --revoke` revoke it"
	case Overdue:
		if st.SeenKnown && !st.Seen {
			return "Flux does not work with the new token yet: fix that first, then run `rotate finish`"
		}
		return "the overlap is over: delete the old token in GitHub's settings and run `rotate finish`, or let `rotate finish --revoke` revoke it"
	case Dead:
		return "run `rotate finish`, so that it is on record"
	case Done:
		return "nothing"
	}
	return ""
}
