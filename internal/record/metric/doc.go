// Package metric counts what the receiver does, for Prometheus.
//
// It refuses to know what the numbers mean, and never takes a label from
// outside without a bound on how many there can be.
package metric
