package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// TestEntryOf: only the receiver's own answer to the delivery names an entry.
func TestEntryOf(t *testing.T) {
	const guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
	id := strings.Repeat("0123456789abcdef", 4)
	whole := `{"id":"` + id + `","guid":"` + guid + `"}`
	for answer, want := range map[string]string{
		whole:        id,
		whole + "\n": id,
		"":           "", "ok": "", "null": "", "{}": "", "<html>" + id + "</html>": "", `"` + id + `"`: "",
		whole + whole:                                                    "",
		`{"guid":"` + guid + `"}`:                                        "",
		`{"id":"` + id + `"}`:                                            "",
		`{"id":"` + id + `","guid":"another"}`:                           "",
		`{"id":"` + id[:63] + `","guid":"` + guid + `"}`:                 "",
		`{"id":"` + strings.ToUpper(id) + `","guid":"` + guid + `"}`:     "",
		`{"id":"` + id + `","guid":"` + guid + `","by":"proxy"}`:         "",
		`{"id":"` + id + `","guid":"` + guid + `","error":"not so"}`:     "",
		`{"error":"the ledger takes nothing","guid":"` + guid + `"}`:     "",
		`[{"id":"` + id + `","guid":"` + guid + `"}]`:                    "",
		`{"entry":{"id":"` + id + `","guid":"` + guid + `"},"more":"x"}`: "",
	} {
		if got := audit.EntryOf(answer, guid); got != want {
			t.Errorf("%s: %q, want %q", answer, got, want)
		}
	}
}

// TestReceipts: what GitHub was told must be here; what nobody looked at is a gap, and
// an answer that names nothing is neither.
func TestReceipts(t *testing.T) {
	for name, test := range map[string]struct {
		receipts []audit.Receipt
		verdict  finding.Verdict
		summary  string
	}{
		"nobody looked": {nil, finding.Undecided, "0 pushes never sent"},
		"one is there, the other was not looked at": {[]audit.Receipt{{Held: true}}, finding.Undecided,
			"of 1 of our answers in its log 1 name an entry that is here, 0 one that is not, 0 none"},
		"both are there": {[]audit.Receipt{{Held: true}, {Held: true}}, finding.Pass,
			"of 2 of our answers in its log 2 name an entry that is here, 0 one that is not, 0 none"},
		"a proxy answered": {[]audit.Receipt{{Held: true}, {}}, finding.Pass,
			"of 2 of our answers in its log 1 name an entry that is here, 0 one that is not, 1 none"},
		"one is not there": {[]audit.Receipt{{Held: true}, {ID: "f00d", GUID: "b", Time: ago(500)}}, finding.Fail,
			"of 2 of our answers in its log 1 name an entry that is here, 1 one that is not, 0 none"},
		"one before the window is not there": {[]audit.Receipt{{Held: true}, {Held: true}, {ID: "f00d", GUID: "b", Time: ago(1e6)}},
			finding.Pass, "of 2 of our answers in its log 2 name an entry that is here, 0 one that is not, 0 none"},
	} {
		t.Run(name, func(t *testing.T) {
			o := day()
			o.Held.Receipts = map[audit.ReceiptKey]audit.Receipt{}
			unasked := o.Unasked()
			if len(unasked) != 2 || unasked[0].Time.Before(unasked[1].Time) {
				t.Fatalf("not the latest first: %+v", unasked)
			}
			for i, r := range test.receipts {
				r.Hook, r.Attempt = 77, int64(-i)
				if i < len(unasked) {
					r.Attempt = unasked[i].ID
				}
				o.Held.Receipts[r.Key()] = r
			}
			s := audit.Complete(o)
			if verdict := s.Answer().Verdict(); verdict != test.verdict || !strings.HasSuffix(s.Summary(), test.summary) {
				t.Errorf("%s, %s: %+v", verdict, s.Summary(), s.Answer())
			}
			// What is on record fails a report that asks nobody, too.
			if alone := o.Held.Alone(o.Window); (alone.Verdict() == finding.Fail) != (test.verdict == finding.Fail) {
				t.Errorf("alone: %+v", alone)
			}
		})
	}
}

// TestReceiptsOnRecord: an entry of the ledger keeps of each what is needed.
func TestReceiptsOnRecord(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	entry, body, err := audit.RecordReceipts(at, []audit.Receipt{
		{Hook: 7, Attempt: 3, Held: true, GUID: "a", Time: at, ID: "f00d"}, {Hook: 7, Attempt: 4, GUID: "b", Time: at},
		{Hook: 7, Attempt: 5, GUID: "c", Time: noon, ID: "f00d"},
	})
	if err != nil || entry.Validate() != nil {
		t.Fatal(err, entry.Validate())
	}
	const want = `[{"hook":7,"attempt":3,"held":true},{"hook":7,"attempt":4},` +
		`{"hook":7,"attempt":5,"guid":"c","time":"2026-11-20T12:00:00Z","id":"f00d"}]`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
}
