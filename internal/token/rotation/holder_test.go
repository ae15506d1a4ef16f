package rotation_test

import (
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// storedIn is a record of a token in places: "esc ORG/PROJECT/ENV" or "CLUSTER NAMESPACE/NAME".
func storedIn(fresh, repo string, places ...string) rotation.Record {
	r := rotation.Record{Step: rotation.Stored, Time: began, Repositories: strings.Fields(repo), New: fresh, Expires: began.AddDate(0, 0, 90)}
	for _, text := range places {
		kind, name, _ := strings.Cut(text, " ")
		p := rotation.Place{Where: "esc " + name + " github.token"}
		if kind != "esc" {
			p = rotation.Place{Where: "secret " + name + " password", Cluster: strings.Trim(kind, "?")}
		}
		r.Places = append(r.Places, p)
	}
	return r
}

func TestShared(t *testing.T) {
	const flux = "flux-system/github-token"
	for name, c := range map[string]struct {
		records []rotation.Record
		want    string // parts of the message; empty: no finding
	}{
		"nothing":                        {},
		"an environment and its Secret":  {[]rotation.Record{storedIn("T", "acme/fleet", "esc acme/flux/prod", "A "+flux)}, ""},
		"one token for two repositories": {[]rotation.Record{storedIn("T", "acme/fleet acme/app", "esc acme/flux/prod", "A "+flux)}, ""},
		"stored once more": {[]rotation.Record{storedIn("T", "acme/fleet", "A "+flux), storedIn("T", "acme/fleet", "A "+flux)},
			""},
		"a record from before clusters": {[]rotation.Record{storedIn("T", "acme/fleet", "? "+flux), storedIn("T", "acme/fleet", "A "+flux)},
			""},
		"each cluster its own": {[]rotation.Record{storedIn("T", "acme/fleet", "A "+flux), storedIn("U", "acme/fleet", "B "+flux)},
			""},
		"two Secrets of one repository": {[]rotation.Record{storedIn("T", "acme/fleet", "A "+flux),
			storedIn("T", "acme/fleet", "A other/github-token")}, ""},
		"two environments of one repository": {[]rotation.Record{storedIn("T", "acme/fleet", "esc acme/flux/prod"),
			storedIn("T", "Acme/Fleet", "esc acme/flux/base")}, ""},
		"two clusters": {[]rotation.Record{storedIn("T", "acme/fleet", "A "+flux), storedIn("T", "acme/fleet", "B "+flux)},
			"one token is used in 2 places: Secret flux-system/github-token in cluster A for acme/fleet, Secret flux-system/github-token in " +
				"cluster B for acme/fleet (a token of GitHub, hashed_token T)"},
		"two clusters behind one environment": {[]rotation.Record{storedIn("T", "acme/fleet", "esc acme/flux/prod", "A "+flux),
			storedIn("T", "acme/fleet", "esc acme/flux/prod", "B "+flux)},
			"in cluster A for acme/fleet, Secret flux-system/github-token in cluster B"},
		"two Secrets of two repositories": {[]rotation.Record{storedIn("T", "acme/fleet", "A "+flux),
			storedIn("T", "acme/app", "A app/github-token")},
			"Secret app/github-token in cluster A for acme/app, Secret flux-system/github-token in cluster A for acme/fleet"},
		"two Secrets of two repositories, clusters not known": {[]rotation.Record{storedIn("T", "acme/fleet", "? "+flux),
			storedIn("T", "acme/app", "? app/github-token")},
			"Secret app/github-token in cluster (not known) for acme/app"},
		"two environments of two repositories": {[]rotation.Record{storedIn("T", "acme/fleet", "esc acme/flux/prod"),
			storedIn("T", "acme/app", "esc acme/app/prod")},
			"environment acme/app/prod for acme/app, environment acme/flux/prod for acme/fleet"},
		"the cluster moved with the rotation": {[]rotation.Record{storedIn("T", "acme/fleet", "esc acme/flux/prod", "A "+flux),
			storedIn("U", "acme/fleet", "esc acme/flux/prod", "B "+flux)}, ""},
		"shared, and each rotated since": {[]rotation.Record{storedIn("T", "acme/fleet", "A "+flux),
			storedIn("T", "acme/fleet", "B "+flux), storedIn("U", "acme/fleet", "B "+flux)}, ""},
		"shared, and rotated before clusters known": {[]rotation.Record{storedIn("T", "acme/fleet", "A "+flux),
			storedIn("T", "acme/fleet", "B "+flux), storedIn("U", "acme/fleet", "? "+flux)}, ""},
		"shared, and dead since": {[]rotation.Record{storedIn("T", "acme/fleet", "A "+flux), storedIn("T", "acme/fleet", "B "+flux),
			{Step: rotation.Finished, Time: began, New: "U", Old: "T", Proof: rotation.Revoked}}, ""},
	} {
		got := rotation.Shared(c.records, began.AddDate(0, 0, 1), nil, nil)
		switch {
		case c.want == "" && len(got) > 0:
			t.Errorf("%s: %+v", name, got)
		case c.want != "" && (len(got) != 1 || got[0].Rule != "storage/shared" || got[0].Severity != finding.Error ||
			!strings.Contains(got[0].Message, c.want)):
			t.Errorf("%s: %+v", name, got)
		}
		if over := rotation.Shared(c.records, began.AddDate(0, 0, 90), nil, nil); len(over) > 0 {
			t.Errorf("%s: an expired token is shared: %+v", name, over)
		}
	}
}

// TestHoldGoesByWhatIsSeen: what was just seen counts more than the record.
func TestHoldGoesByWhatIsSeen(t *testing.T) {
	records := []rotation.Record{storedIn("T", "acme/fleet", "A flux-system/github-token")}
	seen := func(cluster, fingerprint string) rotation.Holder {
		return rotation.Holder{Place: rotation.Place{Where: "secret flux-system/github-token password", Cluster: cluster}, Token: fingerprint,
			Repositories: []string{"acme/fleet"}}
	}
	for _, c := range []struct {
		h    rotation.Holder
		want int
	}{{seen("A", "T"), 0}, {seen("B", "T"), 1}, {seen("B", "U"), 0}, {seen("", "T"), 0}, {seen("B", ""), 0}} {
		if got := rotation.Shared(records, began, []rotation.Holder{c.h}, nil); len(got) != c.want {
			t.Errorf("%+v: %+v", c.h, got)
		}
	}
}
