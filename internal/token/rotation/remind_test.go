package rotation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// one is a ledger of one record, or of none that can be read.
type one struct {
	ledger.Reader
	record  rotation.Record
	failure error
}

func (o *one) Own(context.Context, ledger.Kind) ([]ledger.Record, []string, error) {
	entry, _, err := o.record.Entry()
	return []ledger.Record{{Entry: entry}}, nil, errors.Join(o.failure, err)
}

func (o *one) BodyOf(context.Context, ledger.Record) ([]byte, error) {
	_, body, err := o.record.Entry()
	return body, err
}

// TestReminder goes through a token's last weeks hour by hour: each threshold is in
// the log once, and the metrics stay where the record cannot be read.
func TestReminder(t *testing.T) {
	end := time.Date(2026, 12, 31, 9, 0, 0, 0, time.UTC)
	kept := &one{record: rotation.Record{Step: rotation.Stored, Time: end.AddDate(0, 0, -90), Server: "x",
		Repositories: []string{"acme/fleet"}, New: "NEW", Expires: end}}
	var log bytes.Buffer
	metrics := metric.New("")
	r := rotation.Reminder{Metrics: metrics, Log: slog.New(slog.NewJSONHandler(&log, nil)), Ledger: kept}
	ctx, cancel := context.WithCancel(t.Context())
	times, done := make(chan time.Time), make(chan bool)
	go func() {
		r.Follow(ctx, times)
		close(done)
	}()
	for at := end.AddDate(0, 0, -40); at.Before(end.AddDate(0, 0, 2)); at = at.Add(time.Hour) {
		times <- at
	}
	cancel()
	<-done
	if diff := cmp.Diff([]string{"token/expires", "token/expires", "token/expires-soon", "token/expires-soon", "token/expired"},
		warnings(t, &log)); diff != "" {
		t.Error(diff)
	}
	kept.failure = errors.New("the disk is gone")
	r.Look(t.Context(), end)
	if text := log.String(); !strings.Contains(text, "the disk is gone") || strings.Contains(text, "WARN") {
		t.Error(text)
	}
	scrape := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(scrape, httptest.NewRequest("GET", "/metrics", nil))
	if text := scrape.Body.String(); !strings.Contains(text, "\nfluxkeeper_token_expires_timestamp_seconds 1.7987076e+09\n") ||
		!strings.Contains(text, "\nfluxkeeper_rotation_overdue 0\n") {
		t.Error(text)
	}

	// The next token's alerts are its own.
	kept.failure, kept.record = nil, rotation.Record{Step: rotation.Stored, Time: end, Server: "x",
		Repositories: []string{"acme/fleet"}, New: "NEXT", Old: "NEW", Expires: end.AddDate(0, 0, 90)}
	log.Reset()
	for _, hours := range []int{1, 25, 26} {
		r.Look(t.Context(), end.Add(time.Duration(hours)*time.Hour))
	}
	if diff := cmp.Diff([]string{"rotation/overdue"}, warnings(t, &log)); diff != "" {
		t.Error(diff)
	}
}

// warnings are the rules of the log's warnings, and empties it.
func warnings(t *testing.T, log *bytes.Buffer) (rules []string) {
	t.Helper()
	for line := range bytes.Lines(log.Bytes()) {
		var entry struct{ Level, Rule, What, Hint string }
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Level != "WARN" || entry.What == "" || entry.Hint == "" {
			t.Errorf("%s", line)
		}
		rules = append(rules, entry.Rule)
	}
	log.Reset()
	return rules
}
