package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
)

// TestOperations holds docs/operations.md: each command is one of the story
// operations.txtar, in the page's order, and each alert has a row, and asks for
// metrics that there are.
func TestOperations(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	story, err := os.ReadFile("testdata/script/operations.txtar")
	if err != nil {
		t.Fatal(err)
	}
	rest, commands := string(story), 0
	for _, command := range regexp.MustCompile(`(?m)^\$ (.*)$`).FindAllStringSubmatch(string(page), -1) {
		line, into, redirected := strings.Cut(strings.ReplaceAll(command[1], "/mnt/", ""), " > ")
		at := strings.Index(rest, line+"\n")
		if at < 0 {
			t.Fatalf("the story does not run: %s", command[1])
		}
		rest = rest[at+len(line)+1:]
		if commands++; redirected && !strings.HasPrefix(rest, "cp stdout "+into+"\n") {
			t.Errorf("the story keeps no %s", into)
		}
	}
	if commands < 5 {
		t.Errorf("only %d commands found", commands)
	}

	_, block, _ := strings.Cut(string(page), "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(block), &alerts); err != nil || len(alerts.Groups) != 1 {
		t.Fatalf("%d groups of alerts, %v", len(alerts.Groups), err)
	}
	there := scraped(t)
	asked := regexp.MustCompile(`fluxkeeper_\w+(\{.*?\})?`)
	for _, rule := range alerts.Groups[0].Rules {
		if rows := strings.Count(string(page), "\n| `"+rule.Alert+"` |"); rows != 1 {
			t.Errorf("%s has %d rows in the table of alerts", rule.Alert, rows)
		}
		for _, name := range asked.FindAllString(rule.Expr, -1) {
			if !strings.Contains(there, "\n"+name+" ") {
				t.Errorf("%s asks for %s, which is not there", rule.Alert, name)
			}
		}
	}
	if rows := strings.Count(string(page), "\n| `Flux"); rows != len(alerts.Groups[0].Rules) {
		t.Errorf("%d rows and %d alerts", rows, len(alerts.Groups[0].Rules))
	}
}

// scraped is what a receiver shows of which each metric has happened.
func scraped(t *testing.T) string {
	t.Helper()
	m := metric.New("test")
	m.Watch(metric.Gauges{
		Entries:     func(context.Context) (int64, error) { return 0, nil },
		QueuedBytes: func() int64 { return 0 },
		Ready:       func(context.Context) error { return nil },
		Connections: func() int { return 3 },
		Saturated:   func() bool { return false },
	})
	m.Rejected(intake.WrongSignature)
	m.Rejected(intake.Repeated)
	m.Tokens(time.Unix(1, 0), false, false)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}
