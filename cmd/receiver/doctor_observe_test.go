package main

import (
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// TestObserved: what the ledger shows that the bot did says what its token needs;
// what others did, or it did elsewhere, does not.
func TestObserved(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "ledger.db")
	receiver := startServe(t, scriptSecret, ledger)
	for i, body := range []string{
		`{"ref":"refs/heads/flux-image-updates","before":"1","after":"2","commits":[],"pusher":{"name":"fluxbot"},"repository":{"id":1,` +
			`"full_name":"acme/fleet"},"sender":{"login":"fluxbot","id":7,"type":"User"}}`,
		`{"ref":"refs/heads/main","before":"1","after":"2","commits":[{"id":"2","modified":[".github/workflows/ci.yml"]}],` +
			`"pusher":{"name":"ann"},"repository":{"id":1,"full_name":"acme/fleet"},"sender":{"login":"ann","id":8,"type":"User"}}`,
	} {
		status, err := send(http.DefaultClient, receiver.url, scriptSecret, payload{event: "push", body: []byte(body)},
			"guid-"+string(rune('a'+i)))
		if err != nil || status != http.StatusAccepted {
			t.Fatal(status, err)
		}
	}
	receiver.stop(syscall.SIGTERM)
	rules := policy.Policy{Head: []string{"flux-image-updates"}, Bots: []policy.Bot{{Account: change.Account{ID: 7, Login: "fluxbot"}}}}
	l, err := where{ledger}.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	bound, err := contract(rules)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	need, uses, err := token.ForFlux([]string{"acme/fleet"}, true).Recorded(t.Context(), l,
		audit.Window{From: now.Add(-time.Hour), To: now}, bound, "Acme/Fleet")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]token.Level{token.Metadata: token.Read, token.Contents: token.Write}
	if diff := cmp.Diff(want, need.Permissions); diff != "" || uses != 1 {
		t.Errorf("%d uses: %s", uses, diff)
	}
}
