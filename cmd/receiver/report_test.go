package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// TestReportWithoutABody: a body that somebody took away is a gap, and the uses
// that can be read are told.
func TestReportWithoutABody(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "ledger.db")
	l, err := signed{where: where{name}}.open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		e := ledger.Entry{Kind: ledger.Delivery, Time: time.Now().UTC().Truncate(time.Microsecond), Source: "4711", ID: fmt.Sprintf("guid-%d", i), Name: "push", Target: "repository/1"}
		body := fmt.Sprintf(`{"ref":"refs/heads/flux-image-updates","before":"%040d","after":"%040d","repository":{"id":1,"full_name":"acme/fleet"},"pusher":{"name":"fluxbot"},"sender":{"login":"fluxbot","id":7,"type":"User"}}`, i, i+1)
		if _, err := l.Append(t.Context(), e, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`DELETE FROM body WHERE idx = 0`); err != nil {
		t.Fatal(err)
	}
	policy := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte("version: 1\nbots: [{name: fluxbot, login: fluxbot, id: 7}]\nuses: {repositories: [acme/fleet]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	status := watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: &out, Stderr: &out}, []string{"report", "--ledger", name, "--policy", policy})
	if status != console.StatusUndecided || !strings.Contains(out.String(), "the body of entry 0 is gone, and no erasure says so: verify the ledger") || !strings.Contains(out.String(), "acme/fleet") {
		t.Errorf("status %d\n%s", status, &out)
	}
}
