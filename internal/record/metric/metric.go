package metric

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
)

// maxEvents bounds the label "event": GitHub has fewer than a hundred events,
// but the header that names it is not signed.
const maxEvents = 100

// Metrics holds all that is counted. Its methods may be called at any time.
type Metrics struct {
	registry                        *prometheus.Registry
	accepted, duplicates, rejected  *prometheus.CounterVec
	closed                          *prometheus.CounterVec
	commit, batch                   prometheus.Histogram
	commitErrors                    prometheus.Counter
	missing, neverEmitted, removed  prometheus.Gauge
	redeliveries, reconcileFailures prometheus.Counter
	lastReconcile                   prometheus.Gauge
	// These three have no labels: as vectors they are absent while
	// nothing is known, where a gauge would say 0.
	tokenExpires, expiryUnknown, overdue *prometheus.GaugeVec

	mu     sync.Mutex
	events map[string]bool
}

// Gauges are read when the metrics are; each gives its number now.
type Gauges struct {
	Entries     func(context.Context) (int64, error)
	QueuedBytes func() int64
	// Ready is nil, or says why the ledger takes nothing.
	Ready func(context.Context) error
	// Connections is how many there are, to the public listener.
	Connections func() int
	// Saturated says that there was no room for one of late, but that of another.
	Saturated func() bool
}

// New makes the metrics. The version is told by fluxkeeper_build_info.
func New(version string) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	all := promauto.With(registry)
	counters := func(name, help, label string) *prometheus.CounterVec {
		return all.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	counter := func(name, help string) prometheus.Counter {
		return all.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return all.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	absent := func(name, help string) *prometheus.GaugeVec {
		return all.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, nil)
	}
	m := &Metrics{
		registry:   registry,
		accepted:   counters("fluxkeeper_deliveries_accepted_total", "Deliveries that were new, and are durable.", "event"),
		duplicates: counters("fluxkeeper_deliveries_duplicate_total", "Deliveries that the ledger held before.", "event"),
		rejected:   counters("fluxkeeper_requests_rejected_total", "Requests that were not taken.", "reason"),
		closed:     counters("fluxkeeper_connections_closed_total", "Connections that were closed before their end.", "reason"),
		commit: all.NewHistogram(prometheus.HistogramOpts{
			Name: "fluxkeeper_commit_seconds", Help: "How long it took to make a batch of entries durable.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16), // to 8 s
		}),
		batch: all.NewHistogram(prometheus.HistogramOpts{
			Name: "fluxkeeper_batch_entries", Help: "How many entries were made durable together.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		commitErrors: counter("fluxkeeper_commit_errors_total", "Batches that could not be made durable."),
		missing: gauge("fluxkeeper_deliveries_missing",
			"Deliveries that GitHub lists and the ledger lacked at the last reconciliation."),
		neverEmitted: gauge("fluxkeeper_deliveries_never_emitted",
			"Ref changes that GitHub's activity list shows and no delivery told, at the last reconciliation."),
		removed: gauge("fluxkeeper_entries_removed",
			"Entries that GitHub was told of, by its log of our answers, and that the ledger lacked at the last look."),
		redeliveries:      counter("fluxkeeper_redeliveries_requested_total", "Redeliveries that GitHub was asked for."),
		reconcileFailures: counter("fluxkeeper_reconcile_failures_total", "Reconciliations that did not come to an end."),
		lastReconcile:     gauge("fluxkeeper_reconcile_timestamp_seconds", "When the last reconciliation came to its end."),
		tokenExpires: absent("fluxkeeper_token_expires_timestamp_seconds",
			"When the first of the stored tokens expires, by the rotations on record; absent where that is not known."),
		expiryUnknown: absent("fluxkeeper_token_expiry_unknown",
			"1 if it is not on record when one of the stored tokens expires."),
		overdue: absent("fluxkeeper_rotation_overdue",
			"1 if the overlap of a rotation is over and its old token is not known to be dead."),
		events: map[string]bool{},
	}
	all.NewGauge(prometheus.GaugeOpts{
		Name: "fluxkeeper_build_info", Help: "The version that runs.", ConstLabels: prometheus.Labels{"version": version},
	}).Set(1)
	return m
}

// Watch adds gauges, which are there from then on.
func (m *Metrics) Watch(gauges Gauges) {
	all := promauto.With(m.registry)
	for _, g := range []struct {
		name, help string
		read       func(context.Context) float64
	}{
		{"fluxkeeper_ledger_entries", "Entries in the ledger.", func(ctx context.Context) float64 {
			size, err := gauges.Entries(ctx)
			if err != nil {
				return -1
			}
			return float64(size)
		}},
		{"fluxkeeper_queued_bytes", "Bytes that wait to be made durable.", func(context.Context) float64 {
			return float64(gauges.QueuedBytes())
		}},
		{"fluxkeeper_ready", "1 if the ledger takes entries.", func(ctx context.Context) float64 {
			return map[bool]float64{true: 1}[gauges.Ready(ctx) == nil]
		}},
		{"fluxkeeper_connections", "Connections to the public listener.", func(context.Context) float64 {
			return float64(gauges.Connections())
		}},
		{"fluxkeeper_saturated", "1 if within the last minute there was no room for a connection but that of another one.",
			func(context.Context) float64 { return map[bool]float64{true: 1}[gauges.Saturated()] }},
	} {
		all.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, func() float64 {
			// A scrape is not kept waiting by a database that does not answer.
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			return g.read(ctx)
		})
	}
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Accepted counts a delivery that is durable.
func (m *Metrics) Accepted(event string) { m.accepted.WithLabelValues(m.known(event)).Inc() }

// Duplicate counts a delivery that was there before.
func (m *Metrics) Duplicate(event string) { m.duplicates.WithLabelValues(m.known(event)).Inc() }

// Rejected counts a request that was not taken; the reason is one of ours.
func (m *Metrics) Rejected(reason intake.Reason) { m.rejected.WithLabelValues(string(reason)).Inc() }

// Closed counts a connection that was closed before its end; the reason is one of ours.
func (m *Metrics) Closed(reason intake.Closed) { m.closed.WithLabelValues(string(reason)).Inc() }

// Committed counts a batch that is durable.
func (m *Metrics) Committed(entries int, took time.Duration) {
	m.batch.Observe(float64(entries))
	m.commit.Observe(took.Seconds())
}

// CommitFailed counts a batch that could not be made durable.
func (m *Metrics) CommitFailed() { m.commitErrors.Inc() }

// Reconciled tells how a reconciliation ended.
func (m *Metrics) Reconciled(at time.Time, missing, neverEmitted, asked int) {
	m.missing.Set(float64(missing))
	m.neverEmitted.Set(float64(neverEmitted))
	m.redeliveries.Add(float64(asked))
	m.lastReconcile.Set(float64(at.Unix()))
}

// EntriesRemoved tells how many entries GitHub was told of that are not in the ledger.
func (m *Metrics) EntriesRemoved(n int) { m.removed.Set(float64(n)) }

// ReconcileFailed counts a reconciliation that did not come to an end.
func (m *Metrics) ReconcileFailed() { m.reconcileFailures.Inc() }

// Tokens tells what the rotations on record say: when the first of the stored tokens
// expires (zero where none has an end that is known), whether one has no end that is
// known, and whether an old token outlived its overlap.
func (m *Metrics) Tokens(expires time.Time, unknown, overdue bool) {
	m.tokenExpires.Reset()
	if !expires.IsZero() {
		m.tokenExpires.WithLabelValues().Set(float64(expires.Unix()))
	}
	yes := map[bool]float64{true: 1}
	m.expiryUnknown.WithLabelValues().Set(yes[unknown])
	m.overdue.WithLabelValues().Set(yes[overdue])
}

func (m *Metrics) known(event string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.events[event] {
		if len(m.events) >= maxEvents {
			return "other"
		}
		m.events[event] = true
	}
	return event
}
