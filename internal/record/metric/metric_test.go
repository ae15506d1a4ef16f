package metric_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
)

func scrape(t *testing.T, m *metric.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	m := metric.New("1.2.3")
	m.Watch(metric.Gauges{
		Entries:     func(context.Context) (int64, error) { return 42, nil },
		QueuedBytes: func() int64 { return 0 },
		Ready:       func(context.Context) error { return errors.New("the disk is full") },
		Connections: func() int { return 3 },
		Saturated:   func() bool { return true },
	})
	m.Accepted("push")
	m.Accepted("push")
	m.Duplicate("push")
	m.Rejected("signature")
	m.Committed(2, 3*time.Millisecond)
	m.CommitFailed()
	m.Closed("idle")
	m.Reconciled(time.Unix(1_800_000_000, 0), 3, 1, 2)
	m.ReconcileFailed()
	if got := scrape(t, m); strings.Contains(got, "token_expires") || strings.Contains(got, "rotation_overdue") {
		t.Errorf("of tokens something is known from the start:\n%s", got)
	}
	m.Tokens(time.Unix(1_900_000_000, 0), false, true)
	got := scrape(t, m)
	for _, want := range []string{
		`fluxkeeper_deliveries_accepted_total{event="push"} 2`,
		`fluxkeeper_deliveries_duplicate_total{event="push"} 1`,
		`fluxkeeper_requests_rejected_total{reason="signature"} 1`,
		`fluxkeeper_commit_seconds_bucket{le="0.004"} 1`,
		`fluxkeeper_commit_seconds_bucket{le="0.002"} 0`,
		`fluxkeeper_batch_entries_sum 2`,
		`fluxkeeper_commit_errors_total 1`,
		`fluxkeeper_ledger_entries 42`,
		`fluxkeeper_ready 0`,
		`fluxkeeper_connections 3`,
		`fluxkeeper_saturated 1`,
		`fluxkeeper_connections_closed_total{reason="idle"} 1`,
		`fluxkeeper_deliveries_missing 3`,
		`fluxkeeper_deliveries_never_emitted 1`,
		`fluxkeeper_redeliveries_requested_total 2`,
		`fluxkeeper_reconcile_failures_total 1`,
		`fluxkeeper_reconcile_timestamp_seconds 1.8e+09`,
		`fluxkeeper_build_info{version="1.2.3"} 1`,
		`fluxkeeper_token_expires_timestamp_seconds 1.9e+09`,
		`fluxkeeper_token_expiry_unknown 0`,
		`fluxkeeper_rotation_overdue 1`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	m.Tokens(time.Time{}, true, false)
	if got := scrape(t, m); strings.Contains(got, "token_expires") || !strings.Contains(got, "fluxkeeper_token_expiry_unknown 1\n") ||
		!strings.Contains(got, "fluxkeeper_rotation_overdue 0\n") {
		t.Errorf("an end that is not known any more is told:\n%s", got)
	}
}

// TestEventsAreBounded: whoever has the secret can name events at will.
func TestEventsAreBounded(t *testing.T) {
	m := metric.New("")
	for i := range 1000 {
		m.Accepted(fmt.Sprint("event_", i))
	}
	got := scrape(t, m)
	if n := strings.Count(got, "\nfluxkeeper_deliveries_accepted_total{"); n != 101 {
		t.Errorf("%d time series", n)
	}
	if !strings.Contains(got, `fluxkeeper_deliveries_accepted_total{event="other"} 900`) {
		t.Error("the rest is not counted together")
	}
}
