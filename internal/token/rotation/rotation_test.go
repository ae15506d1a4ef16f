package rotation_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

var (
	began   = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	secretP = rotation.Place{Where: "secret flux-system/github-token password", Revision: "42"}
	escP    = rotation.Place{Where: "esc acme/flux/prod github.token", Revision: "8", Before: "7"}
)

// upToStep is a rotation up to a step.
func upToStep(t *testing.T, last rotation.Step) rotation.Rotation {
	t.Helper()
	records := []rotation.Record{
		{Step: rotation.Started, Time: began, By: "ada", Server: "https://api.github.com/", Repositories: []string{"acme/fleet"}, Old: "OLD",
			New:     "NEW",
			Expires: began.AddDate(0, 0, 90)},
		{Step: rotation.Stored, Time: began.Add(time.Minute), By: "ada", Server: "https://api.github.com/", Old: "OLD", New: "NEW",
			Places: []rotation.Place{escP, secretP}},
		{Step: rotation.Finished, Time: began.Add(20 * time.Hour), By: "bob", Server: "https://api.github.com/", Old: "OLD", New: "NEW",
			Proof: rotation.Rejected},
	}
	var upTo []rotation.Record
	for _, r := range records {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := rotation.ParseRecord(text)
		if diff := cmp.Diff(r, back); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		upTo = append(upTo, back)
		if r.Step == last {
			break
		}
	}
	rotations := rotation.Join(upTo)
	if len(rotations) != 1 {
		t.Fatalf("%d rotations", len(rotations))
	}
	return rotations[0]
}

func TestStand(t *testing.T) {
	both := map[string]string{escP.Where: "NEW", secretP.Where: "NEW"}
	behind := map[string]string{escP.Where: "NEW", secretP.Where: "OLD"}
	at := func(hours int) time.Time { return began.Add(time.Minute + time.Duration(hours)*time.Hour) }
	for name, c := range map[string]struct {
		last rotation.Step
		s    rotation.Observation
		want rotation.Standing
	}{
		"checked, not stored": {rotation.Started, rotation.Observation{Now: at(1)}, rotation.Standing{Stage: rotation.Unstored}},
		"stored, nobody looks": {rotation.Stored, rotation.Observation{Now: at(1)},
			rotation.Standing{Stage: rotation.Overlaps, Left: 23 * time.Hour}},
		"Flux has the old one": {rotation.Stored, rotation.Observation{Now: at(2), Old: token.OK, Copies: behind, InCluster: secretP.Where,
			Worked: at(1), Needed: at(1)},
			rotation.Standing{Stage: rotation.Unseen, Left: 22 * time.Hour, SeenKnown: true, Missing: []rotation.Place{secretP}}},
		"Flux has not run since": {rotation.Stored, rotation.Observation{Now: at(2), Old: token.OK, Copies: both, InCluster: secretP.Where,
			Worked: began},
			rotation.Standing{Stage: rotation.Unseen, Left: 22 * time.Hour, SeenKnown: true}},
		"a run that may have begun before": {rotation.Stored, rotation.Observation{Now: at(2), Copies: both, InCluster: secretP.Where,
			Worked: at(1), Needed: at(1).Add(time.Second)},
			rotation.Standing{Stage: rotation.Unseen, Left: 22 * time.Hour, SeenKnown: true}},
		"nobody knows since when": {rotation.Stored, rotation.Observation{Now: at(2), Copies: both, InCluster: secretP.Where, Worked: at(1)},
			rotation.Standing{Stage: rotation.Unseen, Left: 22 * time.Hour, SeenKnown: true}},
		"a run in the future": {rotation.Stored, rotation.Observation{Now: at(2), Copies: both, InCluster: secretP.Where, Worked: at(3),
			Needed: at(1)},
			rotation.Standing{Stage: rotation.Unseen, Left: 22 * time.Hour, SeenKnown: true}},
		"Flux complains": {rotation.Stored, rotation.Observation{Now: at(2), Copies: both, InCluster: secretP.Where},
			rotation.Standing{Stage: rotation.Unseen, Left: 22 * time.Hour, SeenKnown: true}},
		"Flux works with it": {rotation.Stored, rotation.Observation{Now: at(2), Old: token.OK, Copies: both, InCluster: secretP.Where,
			Worked: at(1), Needed: at(1)},
			rotation.Standing{Stage: rotation.Overlaps, Left: 22 * time.Hour, SeenKnown: true, Seen: true}},
		"the last second": {rotation.Stored, rotation.Observation{Now: at(24).Add(-time.Second), Old: token.OK, Copies: both,
			InCluster: secretP.Where, Worked: at(1), Needed: at(1)},
			rotation.Standing{Stage: rotation.Overlaps, Left: time.Second, SeenKnown: true, Seen: true}},
		"the hours are over": {rotation.Stored, rotation.Observation{Now: at(25), Old: token.OK, Copies: both, InCluster: secretP.Where,
			Worked: at(1), Needed: at(1)},
			rotation.Standing{Stage: rotation.Overdue, Left: -time.Hour, SeenKnown: true, Seen: true}},
		"over, and Flux never changed": {rotation.Stored, rotation.Observation{Now: at(24), Copies: behind, InCluster: secretP.Where,
			Worked: at(1), Needed: at(1)},
			rotation.Standing{Stage: rotation.Overdue, SeenKnown: true, Missing: []rotation.Place{secretP}}},
		"the old one is dead": {rotation.Stored, rotation.Observation{Now: at(3), Old: token.BadCredentials},
			rotation.Standing{Stage: rotation.Dead, Left: 21 * time.Hour}},
		"no answer is no death": {rotation.Stored, rotation.Observation{Now: at(3), Old: token.Unreached},
			rotation.Standing{Stage: rotation.Overlaps, Left: 21 * time.Hour}},
		"finished": {rotation.Finished, rotation.Observation{Now: at(90)}, rotation.Standing{Stage: rotation.Done, Left: -66 * time.Hour}},
	} {
		got := upToStep(t, c.last).Stand(c.s)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if got.Next() == "" {
			t.Errorf("%s: nothing to do is said", name)
		}
	}
}

func TestStoringAgainBeginsNoNewOverlap(t *testing.T) {
	again := escP
	again.Revision = "9"
	d := rotation.Join([]rotation.Record{
		{Step: rotation.Started, Time: began, New: "NEW", Old: "OLD"},
		{Step: rotation.Stored, Time: began, New: "NEW", Places: []rotation.Place{escP}},
		{Step: rotation.Started, Time: began.Add(time.Hour), New: "NEW", Old: "NEW"},
		{Step: rotation.Stored, Time: began.Add(time.Hour), New: "NEW", Places: []rotation.Place{again}},
		{Step: rotation.Started, Time: began.Add(2 * time.Hour), New: "THIRD", Old: "NEW"},
	})
	if len(d) != 2 || d[0].Stored != began || d[0].Old != "OLD" || d[0].Places[0].Revision != "9" || d[1].Old != "NEW" {
		t.Errorf("%+v", d)
	}
}

func TestParseRecordRefuses(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `[]`, `{"step":"started","time":"2026-11-01T09:00:00Z","server":"S"}`,
		`{"step":"started","time":"2026-11-01T09:00:00Z","new_hashed_token":"N"}`, `{"step":"started","server":"S","new_hashed_token":"N"}`,
		`{"step":"begun","time":"2026-11-01T09:00:00Z","server":"S","new_hashed_token":"N"}`,
		`{"step":"started","time":"2026-11-01T09:00:00Z","server":"S","new_hashed_token":"N","token":"x"}`,
		`{"step":"started","time":"2026-11-01T09:00:00Z","server":"S","new_hashed_token":"N"} {}`,
	} {
		if r, err := rotation.ParseRecord([]byte(text)); err == nil {
			t.Errorf("%s: taken as %+v", text, r)
		}
	}
}

func TestSettings(t *testing.T) {
	n := token.ForFlux([]string{"acme/fleet"}, true)
	lines := strings.Join(n.Settings(), "\n")
	for _, want := range []string{"Token name: flux-fleet-automation", "Resource owner: acme", "Expiration: 90 days", "acme/fleet",
		"Contents: Read and write", "Metadata: Read-only", "Workflows: Read and write"} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q is missing:\n%s", want, lines)
		}
	}
	if two := token.ForFlux([]string{"acme/fleet", "other/fleet"}, false); two.Owner() != "" {
		t.Error("a token for two owners has an owner")
	}
}
